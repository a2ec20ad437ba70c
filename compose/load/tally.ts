/** What a run came to, kept as it goes, in memory that does not grow with it. Pure: outcomes in, in the order in which they came. */
import { LatencySketch } from './latency-sketch.ts'
import { type Pause, PauseLog } from './pause-log.ts'
import { otherBackends, Timeline, type TimelinePoint } from './timeline.ts'

/** How one request ended, as the report sees it. Times in Unix milliseconds (with fractions). */
export interface Judged {
  /** When it should have been sent. */
  intendedMs: number
  /** When its answer was complete, or its failure known. */
  endMs: number
  /** Undefined for a legitimate answer, else what was wrong: a status or a code. */
  error: string | undefined
  /** `X-Heartline-Backend` of the answer, empty if it had none. */
  backend: string
  /** `X-Heartline-Epoch` of the answer; 0 if it had none. */
  epoch: number
}

/** Names of backends, and codes of errors, that are counted apart; the rest is `others`. */
const namesMax = 1_000
/** Percentiles of the whole run: within a thousandth. */
const relativeError = 0.001

export class Tally {
  readonly #latency = new LatencySketch(relativeError)
  readonly #pauses = new PauseLog()
  readonly #timeline: Timeline
  readonly #errors = new Map<string, number>()
  readonly #backends = new Map<string, number>()
  readonly #startMs: number
  #failed = 0
  #firstIntendedMs = Number.POSITIVE_INFINITY
  #lastGoodMs = 0

  /** `startMs` is when the run began, Unix milliseconds. */
  constructor(startMs: number) {
    this.#startMs = startMs
    this.#timeline = new Timeline(startMs)
  }

  add({ intendedMs, endMs, error, backend, epoch }: Judged): void {
    this.#firstIntendedMs = Math.min(this.#firstIntendedMs, intendedMs)
    if (error !== undefined) {
      this.#failed++
      count(this.#errors, error)
      this.#timeline.error(endMs)
      return
    }
    this.#latency.add(endMs - intendedMs)
    this.#timeline.good(endMs, endMs - intendedMs, backend)
    this.#pauses.answered({ atMs: endMs, backend, epoch })
    this.#lastGoodMs = Math.max(this.#lastGoodMs, endMs)
    if (backend !== '') count(this.#backends, backend)
  }

  get startMs(): number {
    return this.#startMs
  }

  get ok(): number {
    return this.#latency.count
  }

  get failed(): number {
    return this.#failed
  }

  /** Requests that failed, by code. */
  get errors(): ReadonlyMap<string, number> {
    return this.#errors
  }

  /** Good answers by backend, the most first. */
  get backends(): Record<string, number> {
    return Object.fromEntries([...this.#backends].sort(([, left], [, right]) => right - left))
  }

  /** Longest time between two successive good answers, milliseconds. */
  get pauseMs(): number {
    return this.#pauses.longestMs
  }

  get pauses(): Pause[] {
    return this.#pauses.pauses
  }

  /** From the first intended time to the last good answer, milliseconds. */
  get spanMs(): number {
    return this.ok === 0 ? 0 : this.#lastGoodMs - this.#firstIntendedMs
  }

  /** What at least `share` of all good answers took at most, from the intended time, milliseconds. */
  latencyMs(share: number): number {
    return this.#latency.percentileMs(share)
  }

  timeline(): { widthMs: number; points: TimelinePoint[] } {
    return { widthMs: this.#timeline.widthMs, points: this.#timeline.points() }
  }
}

function count(counts: Map<string, number>, name: string): void {
  const known = counts.has(name) || counts.size < namesMax ? name : otherBackends
  counts.set(known, (counts.get(known) ?? 0) + 1)
}
