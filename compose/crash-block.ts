/** A crash as a person at a terminal sees it: a block with a mark, what happened, what was done, and what is to do, if anything. Pure. */
import { readable } from '../heartbeat-receiver/readable-text.ts'
import { type Line, type Meaning, type Piece, piece, wrapped } from './live/picture.ts'

/** Sentences as `heartbeat-receiver/crash-wording.ts` words them. */
export interface ToldCrash {
  readonly happened: string
  readonly done: string
  /** Null if there is nothing to do. */
  readonly advice: string | null
  /** What the crashed process printed last, if anybody read that. */
  readonly lastLines: readonly string[]
}

export interface BlockSize {
  readonly columns: number
  /** How many of its last lines are quoted; default all. */
  readonly lastLinesMax?: number
}

const labelColumns = 'it said  '.length

/** `time` stands before what happened; nothing of it is wider than `columns`, from 20 on. */
export function crashBlock(crash: ToldCrash, time: string, { columns, lastLinesMax = Infinity }: BlockSize): Line[] {
  const width = Math.max(columns, 20) - 2
  const lastLines = lastLinesMax > 0 ? crash.lastLines.map(readable).slice(-lastLinesMax) : []
  const inner: Line[] = [
    ...labelled([piece('✖ ', 'bad'), piece(time === '' ? '' : `${time} `, 'faint')], crash.happened, 'strong', width),
    ...labelled(label('done'), crash.done, 'plain', width),
    ...(crash.advice === null ? [] : labelled(label('to do', 'waiting'), crash.advice, 'waiting', width)),
    ...lastLines.flatMap((text, index) => labelled(label(index === 0 ? 'it said' : ''), text, 'faint', width)),
  ]
  return inner.map((line, index) => [piece(edge(index, inner.length), 'bad'), ...line])
}

function label(text: string, meaning: Meaning = 'faint'): Piece[] {
  return [piece(text.padEnd(labelColumns), meaning)]
}

/** Text after its label, wrapped beside it. */
function labelled(before: readonly Piece[], text: string, meaning: Meaning, columns: number): Line[] {
  const indent = before.reduce((sum, { text: { length } }) => sum + length, 0)
  const [first = '', ...rest] = wrapped(readable(text), columns - indent)
  return [[...before, piece(first, meaning)], ...rest.map((part) => [piece(' '.repeat(indent)), piece(part, meaning)])]
}

function edge(index: number, count: number): string {
  if (count === 1) return '╺ '
  if (index === 0) return '┏ '
  return index === count - 1 ? '┗ ' : '┃ '
}
