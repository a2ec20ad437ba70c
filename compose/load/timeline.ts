/**
 * What happened when, in bounded memory: a run as a row of intervals. When there are too many, neighbours are merged, so that a run
 * of days has as many as one of minutes. Pure: times are handed in, and ascend.
 */
import { LatencySketch } from './latency-sketch.ts'

/** Width of the first intervals, milliseconds, and how many there may be before neighbours are merged. */
const firstWidthMs = 50
const intervalsMax = 1_200
/** Percentiles of one interval are as exact as a plot can show. */
const relativeError = 0.02
/** Names counted apart; whatever else calls itself a backend is counted as `others`. */
const backendsMax = 50
export const otherBackends = 'others'

interface Interval {
  latency: LatencySketch
  errors: number
  backends: Map<string, number>
}

/** One interval, ready to be plotted. */
export interface TimelinePoint {
  /** Its begin, seconds since the run began. */
  atSeconds: number
  /** Good answers and errors per second. */
  goodPerSecond: number
  errorsPerSecond: number
  /** Of good answers, milliseconds, from the intended time; null where there was none. */
  latencyMs: { p50: number; p90: number; p99: number; max: number } | null
  /** Good answers by backend. */
  backends: Record<string, number>
}

export class Timeline {
  readonly #startMs: number
  readonly #names = new Set<string>()
  #widthMs = firstWidthMs
  #intervals: Interval[] = []

  /** `startMs` is when the run began. */
  constructor(startMs: number) {
    this.#startMs = startMs
  }

  /** Width of an interval, milliseconds. */
  get widthMs(): number {
    return this.#widthMs
  }

  good(atMs: number, latencyMs: number, backend: string): void {
    const interval = this.#at(atMs)
    interval.latency.add(latencyMs)
    if (backend === '') return
    if (this.#names.size < backendsMax) this.#names.add(backend)
    const name = this.#names.has(backend) ? backend : otherBackends
    interval.backends.set(name, (interval.backends.get(name) ?? 0) + 1)
  }

  error(atMs: number): void {
    this.#at(atMs).errors++
  }

  /** All intervals up to the last one in which something happened, empty ones too: those are the pauses. */
  points(): TimelinePoint[] {
    const seconds = this.#widthMs / 1_000
    return this.#intervals.map(({ latency, errors, backends }, index) => ({
      atSeconds: index * seconds,
      goodPerSecond: latency.count / seconds,
      errorsPerSecond: errors / seconds,
      latencyMs: latency.count === 0 ? null : percentilesOf(latency),
      backends: Object.fromEntries(backends),
    }))
  }

  #at(atMs: number): Interval {
    const sinceStartMs = Math.max(0, atMs - this.#startMs)
    while (sinceStartMs >= this.#widthMs * intervalsMax) this.#coarsen()
    const index = Math.floor(sinceStartMs / this.#widthMs)
    while (this.#intervals.length <= index)
      this.#intervals.push({ latency: new LatencySketch(relativeError), errors: 0, backends: new Map() })
    return this.#intervals[index]!
  }

  #coarsen(): void {
    this.#widthMs *= 2
    const coarse: Interval[] = []
    for (let index = 0; index < this.#intervals.length; index += 2) {
      const interval = this.#intervals[index]!
      const next = this.#intervals[index + 1]
      if (next) absorb(interval, next)
      coarse.push(interval)
    }
    this.#intervals = coarse
  }
}

function absorb(interval: Interval, next: Interval): void {
  interval.latency.merge(next.latency)
  interval.errors += next.errors
  for (const [name, count] of next.backends) interval.backends.set(name, (interval.backends.get(name) ?? 0) + count)
}

function percentilesOf(latency: LatencySketch): TimelinePoint['latencyMs'] {
  const [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1].map((share) => latency.percentileMs(share)) as [
    number,
    number,
    number,
    number,
  ]
  return { p50, p90, p99, max }
}
