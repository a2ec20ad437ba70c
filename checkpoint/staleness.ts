/**
 * How old a standby's state may be. Pure.
 *
 * A staleness of S milliseconds says: every write that was acknowledged more than S before is in the state. What is known for certain is
 * little, because a tail is told of records and never of their absence: a standby that hears nothing may be up to date or cut off. So
 * only a *look* counts, a request for the journal's end. All that was acknowledged before the look was sent stands below the end that
 * it answered (Kafka acknowledges with `acks=all` what is below the high watermark, and after an election answers no offsets request
 * until that watermark is known again, KIP-207). Once the state has reached that end, it is at most as old as the look.
 *
 * Not bounded: how long the answer travels to whoever reads it; and a partition leader that is cut off from Kafka's controllers and was
 * replaced without knowing it: for as long as that lasts it answers looks with an old end. With one broker there is none.
 */

import type { Time } from './time.ts'

/** A moment on both clocks, milliseconds: the monotonic one stops in a suspended machine, the wall clock may be set. */
export interface Moment {
  readonly monotonicMs: number
  readonly wallMs: number
}

/** This moment. */
export function momentOf(time: Time): Moment {
  return { monotonicMs: time.now(), wallMs: time.wall() }
}

interface Look {
  readonly askedAt: Moment
  readonly end: number
}

/** Most looks whose end is not reached yet. Beyond it the last one is replaced, which costs precision and nothing else. */
const pendingMax = 64
/** Looks on demand are at least so far apart, milliseconds: each is a request to the broker. */
const looksApartMs = 50

export class Staleness {
  /** When the newest look was asked whose end is reached. */
  #reachedAt: Moment | null = null
  #askedAt: Moment | null = null
  readonly #pending: Look[] = []

  /** A look begins. */
  asked(at: Moment): void {
    this.#askedAt = at
  }

  /** The look that was asked at `askedAt` was answered: the journal ended at `end`. */
  answered(askedAt: Moment, end: number): void {
    if (this.#pending.length >= pendingMax) this.#pending.pop()
    this.#pending.push({ askedAt, end })
  }

  /** The bound, milliseconds, for a state that holds all records below `offset`; infinite if nothing is known. */
  boundMs(now: Moment, offset: number): number {
    while (this.#pending.length > 0 && this.#pending[0]!.end <= offset) this.#reachedAt = this.#pending.shift()!.askedAt
    return this.#reachedAt === null ? Number.POSITIVE_INFINITY : elapsedMs(this.#reachedAt, now)
  }

  /** True if whoever wants `limitMs` kept should have a look taken now: half of it is used up, and none was taken just before. */
  wantsLook(now: Moment, offset: number, limitMs: number): boolean {
    if (this.#askedAt !== null && elapsedMs(this.#askedAt, now) < looksApartMs) return false
    return this.boundMs(now, offset) > limitMs / 2
  }
}

/** The larger of what both clocks say. */
export function elapsedMs(from: Moment, to: Moment): number {
  return Math.max(0, to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs)
}
