/** Text of others, made fit for the eyes of whoever reads it: it must not steer a terminal, nor read in another order than it is written. Pure. */

/** ECMA-48 control sequences (CSI), operating system commands (OSC) and two-character escapes, as terminals obey them. */
const escapes = new RegExp(
  [
    '(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]',
    '\\u001b\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?',
    '\\u001b[@-Z\\\\-_]',
  ].join('|'),
  'g',
)
/** Control characters, invisible marks that turn the direction of writing (Unicode Cf), and halves of characters. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}]/gu
const breaks = /[\t\r\n\u2028\u2029]+/g

/** `text` in one line, without escape sequences and without characters that nobody sees; tabs and ends of lines become a space. */
export function readable(text: string): string {
  return text.replaceAll(escapes, '').replaceAll(breaks, ' ').replaceAll(invisible, '')
}
