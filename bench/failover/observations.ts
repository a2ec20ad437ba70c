/** What a failover benchmark saw, and the rows it makes of that. Pure. */
import { z } from 'zod'
import type { Row } from '../report.ts'
import { median, percentile, spread } from '../statistics.ts'

/** One failover; milliseconds since the signal, null for what did not happen or is not known of a peer. */
export const failoverSample = z.object({
  detectedMs: z.number().nullable(),
  decidedMs: z.number().nullable(),
  readyMs: z.number().nullable(),
  firstAnswerMs: z.number().nullable(),
  /** Longest time between two successive good answers of any clients around it. */
  pauseMs: z.number().nullable(),
})
export type FailoverSample = z.infer<typeof failoverSample>

/** A stretch of load with several failovers in it. */
export interface Block {
  readonly requests: number
  /** Requests that failed, or were not answered by what they should. */
  readonly errors: number
  /** The same by status or code. */
  readonly errorCodes: Readonly<Record<string, number>>
  /** Requests that were run more than once. */
  readonly runTwice: number
  /** Acknowledged changes that are gone; undefined for peers, which keep no state. */
  readonly lost?: number
  readonly failovers: readonly FailoverSample[]
}

const steps = [
  ['detected', 'detectedMs'],
  ['decided', 'decidedMs'],
  ['ready', 'readyMs'],
  ['first answer', 'firstAnswerMs'],
] as const

/** Rows of one contender. */
export function rowsOfBlocks(name: string, blocks: readonly Block[]): Row[] {
  const failovers = blocks.flatMap((block) => block.failovers)
  const pauses = pausesOf(blocks)
  const total = (title: string, value: number, unit: string): Row => ({
    name: `${name}: ${title}`,
    unit,
    median: value,
    min: value,
    max: value,
  })
  const sum = (field: 'requests' | 'errors' | 'runTwice' | 'lost') =>
    blocks.reduce((all, block) => all + (block[field] ?? 0), 0)
  const timed = steps.flatMap(([title, field]) => {
    const values = failovers.map((failover) => failover[field]).filter((value) => value !== null)
    return values.length === 0 ? [] : [{ name: `${name}: ${title}`, unit: 'ms', ...spread(values) }]
  })
  const lost = blocks.some((block) => block.lost !== undefined) ? [total('lost, in all', sum('lost'), 'changes')] : []
  return [
    ...(pauses.length === 0
      ? []
      : [
          { name: `${name}: pause`, unit: 'ms', ...spread(pauses) },
          total('pause p99', percentile(pauses, 0.99), 'ms'),
        ]),
    ...timed,
    total('failovers that did not happen', failovers.length - pauses.length, 'failovers'),
    total('errors, in all', sum('errors'), 'requests'),
    total('run twice, in all', sum('runTwice'), 'requests'),
    ...lost,
    total('requests, in all', sum('requests'), 'requests'),
  ]
}

/** Their median pause over ours; undefined if either had none. */
export function pauseRatio(ours: readonly Block[], theirs: readonly Block[]): number | undefined {
  const [own, other] = [pausesOf(ours), pausesOf(theirs)]
  return own.length === 0 || other.length === 0 ? undefined : median(other) / median(own)
}

/** How many of the ids noted were noted before. */
export function countRepeats(ids: readonly string[]): number {
  return ids.length - new Set(ids).size
}

function pausesOf(blocks: readonly Block[]): number[] {
  return blocks.flatMap((block) => block.failovers.map(({ pauseMs }) => pauseMs)).filter((pause) => pause !== null)
}
