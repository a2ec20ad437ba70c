/** The board as lines of a terminal: the same story as the dashboard tells. Pure. */
import type { Board } from '../../heartbeat-receiver/dashboard/board.ts'
import { backendLines } from './backend-section.ts'
import { crashLines } from './crash-section.ts'
import { failoverLines } from './failover-section.ts'
import { journalLine, receiverLines, shardLines, titleLine } from './head-section.ts'
import { cut, type Line, type Paint, painted, piece, unpainted } from './picture.ts'
import { noPulses, type Pulses } from './pulses.ts'
import { balancerLines, trafficLines } from './traffic-section.ts'

export interface DrawOptions {
  readonly columns: number
  /** Most lines that are drawn. */
  readonly rows: number
  /** Unix milliseconds. */
  readonly nowMs: number
  /** How each meaning looks; left out: without colours. */
  readonly colours?: Paint
  /** The last heartbeats of each backend. */
  readonly pulses?: Pulses
  /** What the view itself has to say, such as that it lost its receiver; stands where the receiver is named. */
  readonly notice?: string | null
  /** Left out where crashes are told elsewhere on the same terminal; default true. */
  readonly crashes?: boolean
}

interface Section {
  readonly lines: readonly Line[]
  /** So many lines are shown before any section after it gets one. */
  readonly least: number
  /** How many more there would be. */
  readonly hidden?: number
}

/** At most `rows` lines, none wider than `columns`. Where the room is short, what matters most comes first, and the rest is counted. */
export function drawBoard(board: Board, options: DrawOptions): string[] {
  const { columns, rows, nowMs, colours = unpainted, pulses = noPulses, notice = null, crashes = true } = options
  const sections: Section[] = [
    { lines: [titleLine(board, notice, columns, nowMs), ...shardLines(board, nowMs)], least: 2 },
    { lines: [journalLine(board), ...receiverLines(board)], least: 0 },
    {
      lines: backendLines(board, pulses, columns, rows),
      least: 6,
      hidden: Math.max(0, board.backends.length - rows),
    },
    { lines: [...balancerLines(board, columns), ...trafficLines(board, columns)], least: 3 },
    { lines: failoverLines(board, columns, nowMs), least: 4 },
    { lines: crashes ? crashLines(board, columns) : [], least: 4 },
  ].filter(({ lines }) => lines.length > 0)
  return arranged(sections, Math.max(1, rows)).map((line) => painted(cut(line, columns), colours))
}

/** One section after the other, with a blank line between, but within the first two, which belong together. */
function arranged(sections: readonly Section[], rows: number): Line[] {
  const shown = shares(sections, rows)
  return sections.flatMap(({ lines, hidden = 0 }, index) => {
    const count = shown[index]!
    if (count === 0) return []
    return [...(gapBefore(index) > 0 ? [[]] : []), ...shortened(lines, count, hidden)]
  })
}

/** How many lines each section gets: first its least, in order; then what is left, in order. */
function shares(sections: readonly Section[], rows: number): number[] {
  const given = sections.map(() => 0)
  let left = rows
  for (const wanted of [
    (section: Section) => Math.min(section.least, section.lines.length),
    ({ lines }: Section) => lines.length,
  ])
    for (const [index, section] of sections.entries()) {
      const gap = given[index] === 0 ? gapBefore(index) : 0
      const more = Math.min(wanted(section) - given[index]!, left - gap)
      if (more <= 0) continue
      given[index]! += more
      left -= more + gap
    }
  return given
}

function gapBefore(index: number): number {
  return index < 2 ? 0 : 1
}

/** The first lines, and how many more there are; `hidden` of them are not even among these. */
function shortened(lines: readonly Line[], count: number, hidden: number): readonly Line[] {
  const missing = lines.length + hidden - count
  if (missing <= 0 || count < 3) return lines.slice(0, count)
  return [...lines.slice(0, count - 1), [piece(`  … and ${missing + 1} more lines`, 'faint')]]
}
