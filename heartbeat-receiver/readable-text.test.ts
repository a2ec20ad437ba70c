import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readable } from './readable-text.ts'

const cases: [rule: string, text: string, expected: string][] = [
  ['colours go', '\u001b[1;31mred\u001b[0m bell\u0007', 'red bell'],
  ['the short form of a sequence goes too', 'two\u009b2J', 'two'],
  [
    'titles and links of a terminal go',
    '\u001b]0;title\u0007a \u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\',
    'a link',
  ],
  ['an escape that is cut off is none', 'end\u001b[', 'end['],
  ['lines become one', 'one\r\ntwo\u2028three', 'one two three'],
  ['a tab is a space', 'a\tb', 'a b'],
  ['nothing is written in another order than it reads', 'a\u202eb\u2066c', 'abc'],
  ['half a character is none', 'a\ud83d', 'a'],
  ['words of all languages stay', 'Größe 東京 é', 'Größe 東京 é'],
]
for (const [rule, text, expected] of cases) test(rule, () => assert.equal(readable(text), expected))

test('whatever was printed, nothing that steers is left', () => {
  const parts = fc.constantFrom('\u001b', '[', ']', '0', ';', 'm', '\\', '\u0007', '\u009b', 'a', '\n', '\u202e')
  fc.assert(
    fc.property(fc.array(parts), (all) => assert.doesNotMatch(readable(all.join('')), /[\p{Cc}\p{Cf}\u2028\u2029]/u)),
  )
})
