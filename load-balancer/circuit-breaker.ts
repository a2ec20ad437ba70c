/**
 * Keeps requests from a member that fails them (Nygard, "Release It!"): open after failures, and one request at a time finds out
 * whether it is well again. Pure: the clock is handed in.
 */
import { RollingSum } from './rolling-sum.ts'

export interface BreakerLimits {
  /** Opens after so many failures with no success between; 0 for a breaker that never opens. */
  failuresInRow: number
  /** Opens when more than this share of the outcomes within the window are failures … */
  failureShare: number
  /** … if there are at least so many. */
  outcomesMin: number
  windowMs: number
  /** How long it stays open; doubled each time that the probe fails, up to the next. */
  openTimeMs: number
  openTimeMaxMs: number
}

/**
 * Five in a row are no coincidence at any sensible rate of errors (nginx opens after 1, Envoy after 5); half of what is sent
 * failing is worse than any fault of single routes. One second is what a restart takes, half a minute what nobody notices of a dead one.
 */
export const defaultBreakerLimits: BreakerLimits = {
  failuresInRow: 5,
  failureShare: 0.5,
  outcomesMin: 20,
  windowMs: 10_000,
  openTimeMs: 1_000,
  openTimeMaxMs: 30_000,
}

export type BreakerState =
  | { type: 'closed' }
  | { type: 'open'; untilMs: number }
  /** A probe is on its way. One that has no outcome by `untilMs` does not keep others from being tried. */
  | { type: 'half-open'; untilMs: number }

/** A change of state, for the log. */
export interface BreakerChange {
  from: BreakerState['type']
  to: BreakerState['type']
  reason: string
}

/** How a request failed: no connection, or a lost one; or an answer that says that the member cannot. */
export type FailureKind = 'connection' | 'answer'

/**
 * True for statuses by which a member says that it cannot serve now: 502, 503 and 504. Not 500, which is one request's or one
 * route's fault as often: all members would be shut for it alike; nor 429, which is the client's.
 */
export function tellsOfFailure(status: number): boolean {
  return status >= 502 && status <= 504
}

/** The state in which a request was sent: what becomes of it counts only as long as that lasts. */
export type BreakerTerm = number

/** The breaker of one member. */
export class CircuitBreaker {
  readonly #limits: BreakerLimits
  readonly #changed: (change: BreakerChange) => void
  readonly #successes: RollingSum
  readonly #failures: RollingSum
  #state: BreakerState = { type: 'closed' }
  #term: BreakerTerm = 0
  #inRow = 0
  #openTimeMs: number
  #lastFailure: FailureKind | undefined

  /** @param changed called at each change of state */
  constructor(limits: BreakerLimits, changed: (change: BreakerChange) => void) {
    this.#limits = limits
    this.#changed = changed
    this.#successes = new RollingSum(limits.windowMs)
    this.#failures = new RollingSum(limits.windowMs)
    this.#openTimeMs = limits.openTimeMs
  }

  get state(): BreakerState {
    return this.#state
  }

  /** True if the member may be sent a request. */
  lets(nowMs: number): boolean {
    return this.#state.type === 'closed' || nowMs >= this.#state.untilMs
  }

  /**
   * True if the member may be sent one when no other lets: it does, or it answered at least. A client is better served with that
   * answer than with none, where all members give it alike.
   */
  letsAsLastResort(nowMs: number): boolean {
    return this.#lastFailure === 'answer' || this.lets(nowMs)
  }

  /** A request is sent. Exactly one of the next three is to follow, with what this returns. */
  sent(nowMs: number): BreakerTerm {
    const untilMs = nowMs + this.#openTimeMs
    if (this.#state.type === 'open' && nowMs >= this.#state.untilMs) {
      this.#become({ type: 'half-open', untilMs }, 'a probe is sent')
    } else if (this.#state.type === 'half-open' && nowMs >= this.#state.untilMs) {
      // The probe before may still be answered: slowness is no failure.
      this.#state.untilMs = untilMs
    }
    return this.#term
  }

  /** The member answered. */
  succeeded(term: BreakerTerm, nowMs: number): void {
    if (term !== this.#term) return
    this.#inRow = 0
    this.#successes.add(1, nowMs)
    if (this.#state.type === 'closed') return
    this.#openTimeMs = this.#limits.openTimeMs
    this.#become({ type: 'closed' }, 'it answers again')
  }

  failed(term: BreakerTerm, kind: FailureKind, nowMs: number): void {
    if (term !== this.#term) return
    this.#lastFailure = kind
    switch (this.#state.type) {
      case 'closed':
        this.#inRow += 1
        this.#failures.add(1, nowMs)
        return this.#judge(nowMs)
      case 'half-open':
        this.#openTimeMs = Math.min(this.#openTimeMs * 2, this.#limits.openTimeMaxMs)
        return this.#open('the probe failed', nowMs)
      case 'open':
        // Sent as a last resort: nothing new.
        return
    }
  }

  /** Nothing came of it that tells of the member: the client left, or the request could not be sent. */
  abandoned(term: BreakerTerm, nowMs: number): void {
    if (term === this.#term && this.#state.type === 'half-open') this.#state.untilMs = nowMs
  }

  #judge(nowMs: number): void {
    const { failuresInRow, failureShare, outcomesMin } = this.#limits
    if (failuresInRow === 0) return
    if (this.#inRow >= failuresInRow) return this.#open(`${this.#inRow} failures in a row`, nowMs)
    const failures = this.#failures.total(nowMs)
    const outcomes = failures + this.#successes.total(nowMs)
    if (outcomes < outcomesMin || failures <= outcomes * failureShare) return
    this.#open(`${failures} of ${outcomes} requests failed`, nowMs)
  }

  #open(reason: string, nowMs: number): void {
    this.#become({ type: 'open', untilMs: nowMs + this.#openTimeMs }, reason)
  }

  #become(state: BreakerState, reason: string): void {
    const from = this.#state.type
    this.#state = state
    this.#term += 1
    this.#inRow = 0
    this.#successes.clear()
    this.#failures.clear()
    this.#changed({ from, to: state.type, reason })
  }
}
