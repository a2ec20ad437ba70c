/** What is drawn on a terminal: lines of pieces of text, each with what it means. How that looks, and whether in colour, is `Paint`'s. Pure. */
import stringWidth from 'string-width'
import { readable } from '../../heartbeat-receiver/readable-text.ts'

/** What a piece of text means. Never the only sign of it: there are terminals, and people, without colours. */
export type Meaning = 'plain' | 'strong' | 'faint' | 'good' | 'waiting' | 'bad' | 'accent'

export interface Piece {
  readonly text: string
  readonly meaning?: Meaning
}
export type Line = readonly Piece[]

/** Gives text the look of its meaning, or leaves it as it is; never changes its width. */
export type Paint = (meaning: Meaning, text: string) => string

export const unpainted: Paint = (_meaning, text) => text

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const cutMark = '…'
const plainAscii = /^[ -~]*$/

/** One piece. Whatever others wrote into it, it steers no terminal. */
export function piece(text: string, meaning: Meaning = 'plain'): Piece {
  return { text: plainAscii.test(text) ? text : readable(text), meaning }
}

/** Columns that a line takes. */
export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + stringWidth(text), 0)
}

/** At most `columns` wide: what is too long ends with `…`. */
export function cut(line: Line, columns: number): Line {
  if (widthOf(line) <= columns) return line
  if (columns < 1) return []
  const kept: Piece[] = []
  let left = columns - 1
  for (const { text, meaning = 'plain' } of line) {
    const part = cutText(text, left)
    if (part !== '') kept.push({ text: part, meaning })
    left -= stringWidth(part)
    if (part !== text) return [...kept, { text: cutMark, meaning }]
  }
  return [...kept, { text: cutMark }]
}

/** Exactly `columns` wide, filled with spaces on the side that is not aligned. */
export function padded(line: Line, columns: number, align: 'left' | 'right' = 'left'): Line {
  const fitting = cut(line, columns)
  const gap = columns - widthOf(fitting)
  if (gap <= 0) return fitting
  const spaces = piece(' '.repeat(gap))
  return align === 'left' ? [...fitting, spaces] : [spaces, ...fitting]
}

/** `text` in lines of at most `columns`, broken between words, and within one where it is longer than a line. */
export function wrapped(text: string, columns: number): string[] {
  const width = Math.max(1, columns)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((one) => chopped(one, width))) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && stringWidth(longer) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}

/** The line as it is written, without spaces at its end. */
export function painted(line: Line, paint: Paint): string {
  const last = line.findLastIndex(({ text }) => text.trimEnd() !== '')
  return line
    .slice(0, last + 1)
    .map(({ text, meaning = 'plain' }, index) => paint(meaning, index === last ? text.trimEnd() : text))
    .join('')
}

function chopped(word: string, columns: number): string[] {
  const parts: string[] = []
  let rest = word
  while (stringWidth(rest) > columns) {
    const part = cutText(rest, columns) || [...graphemes.segment(rest)][0]!.segment
    parts.push(part)
    rest = rest.slice(part.length)
  }
  return [...parts, rest]
}

/** The longest beginning of at most `columns`, in whole characters as people see them. */
function cutText(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text
  let width = 0
  let end = 0
  for (const { segment } of graphemes.segment(text)) {
    width += stringWidth(segment)
    if (width > columns) break
    end += segment.length
  }
  return text.slice(0, end)
}
