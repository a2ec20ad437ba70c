/** The table of a soak, and its verdict. Pure. */
import type { LoadReport } from '../../compose/load/report.ts'
import { type Kind, kinds, type SystemFigures } from './figures.ts'
import { type FlatRule, type Judgement, judgeFlat } from './flatness.ts'

export interface Sample extends SystemFigures {
  /** Since the run began, milliseconds. */
  readonly atMs: number
  readonly requests: number
  readonly errors: number
  readonly kills: number
}

/** What must stay flat, and how flat. */
interface Figure {
  readonly name: string
  readonly rule: FlatRule
  readonly of: (sample: Sample) => number
}

const heap: FlatRule = { level: 'median', share: 1.15, slack: 10 }
const resident: FlatRule = { level: 'median', share: 1.15, slack: 16 }
const descriptors: FlatRule = { level: 'median', share: 1.1, slack: 10 }
/** A log grows to the next snapshot and to the end of its segment, and falls back. */
const disk: FlatRule = { level: 'highest', share: 1.25, slack: 32 }

const figures: readonly Figure[] = [
  ...kinds.flatMap((kind): Figure[] => [
    { name: `${kind}: heap, MiB`, rule: heap, of: ({ processes }) => processes[kind].heapMiB },
    { name: `${kind}: external, MiB`, rule: heap, of: ({ processes }) => processes[kind].externalMiB },
    { name: `${kind}: resident, MiB`, rule: resident, of: ({ processes }) => processes[kind].residentMiB },
    { name: `${kind}: sockets`, rule: descriptors, of: ({ processes }) => processes[kind].sockets },
    { name: `${kind}: open files`, rule: descriptors, of: ({ processes }) => processes[kind].files },
  ]),
  { name: 'journal on disk, MiB', rule: disk, of: ({ journalMiB }) => journalMiB },
  { name: 'snapshots on disk, MiB', rule: disk, of: ({ snapshotsMiB }) => snapshotsMiB },
]

export interface SoakResult {
  /** Writes per second that were asked for. */
  readonly rate: number
  readonly samples: readonly Sample[]
  readonly report: LoadReport
  readonly kills: number
  /** Kills after which nobody took over in time, or the killed did not come back. */
  readonly failed: readonly string[]
}

/** Less than this share of the rate asked for is another experiment. */
const rateShareMin = 0.9

export interface FlatFigure extends Judgement {
  readonly name: string
}

/** Each figure with how flat it is; none if the run was too short to tell. */
export function flatFigures(samples: readonly Sample[]): FlatFigure[] {
  return figures.flatMap(({ name, rule, of }) => {
    const judgement = judgeFlat(
      samples.map((sample) => ({ atMs: sample.atMs, value: of(sample) })),
      rule,
    )
    return judgement ? [{ name, ...judgement }] : []
  })
}

/** What is wrong, a line each; empty if the run was without fault. */
export function faultsOf({ samples, report, kills, failed, rate }: SoakResult): string[] {
  const faults = [...failed]
  const errors = Object.entries(report.errors).map(([code, count]) => `${code} ${count}`)
  if (report.requests === 0) faults.push('nothing was sent')
  if (errors.length > 0) faults.push(`errors: ${errors.join(', ')}`)
  if (report.lost > 0) faults.push(`${report.lost} acknowledged changes are lost`)
  if (report.doubled > 0) faults.push(`${report.doubled} changes were applied twice`)
  if (report.throughput < rate * rateShareMin)
    faults.push(
      `only ${whole(report.throughput)} of ${rate} writes/s: this machine does not keep up, so little is shown`,
    )
  if (kills === 0) faults.push('nothing was killed: the run is too short for its --kill-every')
  if (!samples.some(({ start }) => start > 0)) faults.push('the journal was never truncated')
  for (const { name, flat, middle, last, limit } of flatFigures(samples))
    if (!flat) faults.push(`${name} grew from ${whole(middle)} to ${whole(last)}; up to ${whole(limit)} would be flat`)
  return faults
}

const perProcess = ['heapMiB', 'residentMiB', 'sockets', 'files'] as const
const header = [
  ...['time', 'requests', 'errors', 'kills'],
  ...kinds.flatMap((kind) => [`${kind} heap`, 'RSS', 'sockets', 'files']),
  ...['journal from', 'to', 'MiB', 'snapshots MiB'],
]

/** The column titles, each column as wide as its numbers may be. */
export const headerLine = line(header)

/** A sample as a line of the table. */
export function sampleLine(sample: Sample): string {
  const { atMs, requests, errors, kills, start, end, journalMiB, snapshotsMiB } = sample
  const ofKind = (kind: Kind) => perProcess.map((field) => sample.processes[kind][field])
  const numbers = [requests, errors, kills, ...kinds.flatMap(ofKind), start, end, journalMiB, snapshotsMiB]
  return line([`${whole(atMs / 1_000)} s`, ...numbers.map(whole)])
}

/** How flat each figure was: its level in the middle third and in the last. */
export function flatLines(samples: readonly Sample[]): string[] {
  return flatFigures(samples).map(
    ({ name, flat, middle, last, limit }) =>
      `${flat ? 'flat' : 'NOT flat'}  ${name}: ${whole(middle)}, then ${whole(last)} (up to ${whole(limit)} is flat)`,
  )
}

function line(cells: readonly string[]): string {
  return cells.map((cell, column) => cell.padStart(Math.max(header[column]!.length, 7))).join('  ')
}

function whole(value: number): string {
  return `${Math.round(value)}`
}
