/** The last changes of active in the live view: each a bar from the first evidence to the first answer. Pure. */
import type { Board, BoardReign } from '../../heartbeat-receiver/dashboard/board.ts'
import { describeDuration, describeMilliseconds } from '../duration-text.ts'
import { type BarPart, bar } from './meters.ts'
import { type Line, piece } from './picture.ts'
import { type Cell, type Column, table } from './picture-table.ts'

const marks = { decided: '░', ready: '▒', firstAnswer: '█' } as const
/** Bars are compared with each other, so one that took for ever must not make all others invisible. */
const longestShownMs = 5_000
/** One that is not over after so long is not going to be. */
const openMs = 15_000

const legend: Line = [
  piece('  detected ', 'faint'),
  piece(marks.decided, 'bad'),
  piece(' decided ', 'faint'),
  piece(marks.ready, 'waiting'),
  piece(' ready ', 'faint'),
  piece(marks.firstAnswer, 'good'),
  piece(' first answer', 'faint'),
]
const layout: readonly Column[] = [
  { title: [], weight: 7 },
  { title: [], weight: 10, columnsMin: 16, columnsMax: 48 },
  { title: [], weight: 9, columnsMin: 8, columnsMax: 60 },
  { title: [], weight: 8, align: 'right' },
  { title: [], weight: 6, align: 'right' },
  { title: [], weight: 4, align: 'right' },
  { title: [], weight: 3, align: 'right' },
  { title: [], weight: 3, align: 'right' },
]

/** What the marks mean, and a line for each change of active, the last first; none while there was none. */
export function failoverLines({ reigns }: Board, columns: number, nowMs: number): Line[] {
  const changes = reigns.filter(({ previous }) => previous !== null).toReversed()
  if (changes.length === 0) return []
  const longest = Math.min(longestShownMs, Math.max(...changes.slice(0, 8).map(lengthMs)))
  const rows = changes.map((reign) => failoverRow(reign, longest, nowMs))
  return [legend, ...table(layout, rows, columns).slice(1)]
}

function failoverRow(reign: BoardReign, longestMs: number, nowMs: number): Cell[] {
  const { epoch, previous, name, planned, detectedAtMs, decidedAtMs, readyAtMs, firstAnswerAtMs, held } = reign
  const parts = partsOf(reign)
  const since = (what: string, atMs: number | null): Line =>
    atMs === null ? [] : [piece(`${what} ${describeMilliseconds(atMs - detectedAtMs)}`, 'faint')]
  const open = firstAnswerAtMs === null
  return [
    [piece(planned ? '⇄ ' : '✖ ', planned ? 'accent' : 'bad'), piece(`epoch ${epoch}`)],
    [piece(`${previous} → `), piece(name, 'strong')],
    (width) => bar(parts, longestMs, width),
    open ? [outcomeOf(reign, nowMs)] : [piece(describeMilliseconds(lengthMs(reign)), 'strong')],
    [piece(held === null ? '' : `${held} waited`)],
    [piece(`${describeDuration(nowMs - decidedAtMs)} ago`, 'faint')],
    since('decided', decidedAtMs),
    since('ready', open ? null : readyAtMs),
  ]
}

/** Why there is no time to the first answer. */
function outcomeOf({ endedAtMs, readyAtMs, decidedAtMs, detectedAtMs }: BoardReign, nowMs: number): Line[number] {
  if (readyAtMs !== null) return piece(`ready ${describeMilliseconds(readyAtMs - detectedAtMs)}`, 'faint')
  if (endedAtMs !== null) return piece('never ready', 'bad')
  return nowMs - decidedAtMs < openMs ? piece('under way', 'waiting') : piece('not ready', 'bad')
}

function partsOf({ detectedAtMs, decidedAtMs, readyAtMs, firstAnswerAtMs }: BoardReign): BarPart[] {
  const parts: BarPart[] = [{ length: decidedAtMs - detectedAtMs, mark: marks.decided, meaning: 'bad' }]
  if (readyAtMs === null) return parts
  parts.push({ length: readyAtMs - decidedAtMs, mark: marks.ready, meaning: 'waiting' })
  if (firstAnswerAtMs !== null)
    parts.push({ length: firstAnswerAtMs - readyAtMs, mark: marks.firstAnswer, meaning: 'good' })
  return parts
}

/** From the first evidence to the last of what is known. */
function lengthMs({ detectedAtMs, decidedAtMs, readyAtMs, firstAnswerAtMs }: BoardReign): number {
  return Math.max(decidedAtMs, readyAtMs ?? 0, firstAnswerAtMs ?? 0) - detectedAtMs
}
