/** Which requests may be held while no active is ready: bounded in count, bytes and time. Pure: the clock is handed in. */

export interface HoldLimits {
  /** Longest time that one request is held, over all its holds, milliseconds. */
  timeMs: number
  requestsMax: number
  bytesMax: number
}

/** Whether a request is held, or which bound is in the way. */
export type Admission = 'held' | 'too many' | 'too large' | 'too long'

interface Hold {
  bytes: number
  sinceMs: number
  deadlineMs: number
}

/** The requests held now. `Request` is any object; it is only compared. */
export class Holding<Request extends object> {
  readonly #limits: HoldLimits
  readonly #holds = new Map<Request, Hold>()
  #bytes = 0
  #peak = 0
  #earliestMs = Number.POSITIVE_INFINITY

  constructor(limits: HoldLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#holds.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** No hold ends before this time; infinite if nothing is held. */
  get nextDeadlineMs(): number {
    return this.#earliestMs
  }

  /** The most that were held at a time since this was asked last: a failover is over before anybody looks. */
  takePeak(): number {
    const peak = this.#peak
    this.#peak = this.#holds.size
    return peak
  }

  has(request: Request): boolean {
    return this.#holds.has(request)
  }

  /** Holds `request`, which was held for `heldForMs` in earlier holds. */
  hold(request: Request, bytes: number, heldForMs: number, nowMs: number): Admission {
    if (this.#holds.has(request)) throw new Error('a request is held once')
    if (heldForMs >= this.#limits.timeMs) return 'too long'
    if (this.#holds.size >= this.#limits.requestsMax) return 'too many'
    if (this.#bytes + bytes > this.#limits.bytesMax) return 'too large'
    const deadlineMs = nowMs + this.#limits.timeMs - heldForMs
    this.#holds.set(request, { bytes, sinceMs: nowMs, deadlineMs })
    this.#bytes += bytes
    this.#peak = Math.max(this.#peak, this.#holds.size)
    this.#earliestMs = Math.min(this.#earliestMs, deadlineMs)
    return 'held'
  }

  /** Ends a hold; answers how long it lasted, 0 if there was none. */
  release(request: Request, nowMs: number): number {
    const hold = this.#holds.get(request)
    if (!hold) return 0
    this.#holds.delete(request)
    this.#bytes -= hold.bytes
    if (this.#holds.size === 0) this.#earliestMs = Number.POSITIVE_INFINITY
    return nowMs - hold.sinceMs
  }

  /** Whose time is over, oldest first; to be released at once, since their deadline is not told again. */
  takeDue(nowMs: number): Request[] {
    const due: Request[] = []
    let earliestMs = Number.POSITIVE_INFINITY
    for (const [request, hold] of this.#holds) {
      if (hold.deadlineMs <= nowMs) due.push(request)
      else earliestMs = Math.min(earliestMs, hold.deadlineMs)
    }
    this.#earliestMs = earliestMs
    return due
  }
}
