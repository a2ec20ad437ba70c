/** Small pictures in characters: a meter, a line of what was over time, a bar of parts. Pure. */
import { type Line, type Meaning, piece } from './picture.ts'

const heights = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
const emptyMark = '·'

/** `share` from 0 to 1 of `columns`; from 1 on it is full. */
export function meter(share: number, columns: number, meaning: Meaning): Line {
  const full = Math.min(columns, Math.max(0, Math.round(share * columns)))
  return [piece('■'.repeat(full), meaning), piece('□'.repeat(columns - full), 'faint')]
}

/** The last values, oldest first, each a column high as its share of `highest`; nothing at all is a dot. */
export function overTime(values: readonly number[], columns: number, highest: number): string {
  const shown = columns < 1 ? [] : values.slice(-columns)
  return shown.map((value) => heightOf(value, highest)).join('')
}

function heightOf(value: number, highest: number): string {
  if (!(value > 0) || !(highest > 0)) return emptyMark
  return heights[Math.min(heights.length - 1, Math.max(0, Math.ceil((value / highest) * heights.length) - 1))]!
}

export interface BarPart {
  readonly length: number
  readonly mark: string
  readonly meaning: Meaning
}

/** Parts one after the other, as long as their shares of `whole`; each that is there at all is seen. */
export function bar(parts: readonly BarPart[], whole: number, columns: number): Line {
  const drawn: Line[number][] = []
  let sum = 0
  let end = 0
  for (const { length, mark, meaning } of parts) {
    sum += Math.max(0, length)
    const until = whole > 0 ? Math.min(columns, Math.round((sum / whole) * columns)) : 0
    const width = Math.min(columns - end, Math.max(length > 0 ? 1 : 0, until - end))
    if (width > 0) drawn.push(piece(mark.repeat(width), meaning))
    end += Math.max(0, width)
  }
  return drawn
}
