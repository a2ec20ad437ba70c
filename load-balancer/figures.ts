/** What a balancer says of its traffic: made from what it counts anyway, read now and then. Pure. */
import type { Figures } from '../heartbeat-receiver/protocol.ts'

/** What was counted since the start, but for `held`: the most at a time since the reading before. */
export interface Counted {
  readonly answered: number
  /** Answered with 5xx. */
  readonly errors: number
  readonly replays: number
  readonly held: number
  /** Answers by how long they took: as many as there are bounds, each not above its own and above the one before. */
  readonly buckets: readonly number[]
}

/** Nothing was counted. */
export const nothingCounted: Counted = { answered: 0, errors: 0, replays: 0, held: 0, buckets: [] }

/** What several processes counted together. */
export function sumOf(one: Counted, other: Counted): Counted {
  const buckets = one.buckets.length >= other.buckets.length ? one.buckets : other.buckets
  return {
    answered: one.answered + other.answered,
    errors: one.errors + other.errors,
    replays: one.replays + other.replays,
    held: one.held + other.held,
    buckets: buckets.map((_, index) => (one.buckets[index] ?? 0) + (other.buckets[index] ?? 0)),
  }
}

/** Makes figures of one reading and the one before. */
export class FiguresMeter {
  readonly #boundsMs: readonly number[]
  #before: { readonly atMs: number; readonly counted: Counted }

  /** `boundsMs` of the buckets, rising. */
  constructor(boundsMs: readonly number[], nowMs: number) {
    this.#boundsMs = boundsMs
    this.#before = { atMs: nowMs, counted: nothingCounted }
  }

  /** The traffic since the last call. What shrank, as when a process is gone, counts as nothing. */
  read(counted: Counted, nowMs: number): Figures {
    const { atMs, counted: before } = this.#before
    this.#before = { atMs: nowMs, counted }
    const seconds = Math.max(nowMs - atMs, 1) / 1_000
    const rate = (after: number, earlier: number) => rounded(Math.max(0, after - earlier) / seconds)
    const buckets = counted.buckets.map((count, index) => Math.max(0, count - (before.buckets[index] ?? 0)))
    const answered = Math.max(0, counted.answered - before.answered)
    return {
      requestsPerSecond: rate(counted.answered, before.answered),
      errorsPerSecond: rate(counted.errors, before.errors),
      p50Ms: rounded(quantile(0.5, buckets, this.#boundsMs, answered)),
      p99Ms: rounded(quantile(0.99, buckets, this.#boundsMs, answered)),
      held: counted.held,
      replaysPerSecond: rate(counted.replays, before.replays),
    }
  }
}

/**
 * The value below which this share lies, by the line through its bucket, as Prometheus' `histogram_quantile` has it; above all bounds the last
 * of them; 0 of nothing.
 */
function quantile(share: number, buckets: readonly number[], bounds: readonly number[], count: number): number {
  const rank = share * count
  if (rank === 0) return 0
  let below = 0
  for (let index = 0; index < buckets.length; index++) {
    const inside = buckets[index]!
    if (below + inside >= rank) {
      const lower = index === 0 ? 0 : bounds[index - 1]!
      return lower + ((bounds[index]! - lower) * (rank - below)) / inside
    }
    below += inside
  }
  return bounds.at(-1) ?? 0
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
