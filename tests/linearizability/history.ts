/** Recording what clients do and what they are told, while it happens. */
import type { Invocation, Operation, Results, Unanswered } from './operation.ts'

/** An operation that was called and has not returned. One that is never finished has an unknown outcome. */
export interface Pending {
  /** The answer arrived, or `not applied`, or `unknown` for good (it may still take effect later). Only the first word counts. */
  finish(result: Results[keyof Results] | Unanswered): void
}

interface Recorded {
  readonly invocation: Invocation
  readonly client: string
  readonly startMs: number
  endMs: number
  result: Operation['result']
}

/** The least step between two moments on the record, milliseconds: far below what any clock used here resolves. */
const stepMs = 1e-6

/**
 * A history in the making, in one process. Every call and return gets a moment of its own: what happened one after the other is
 * never taken for concurrent because the clock did not move (it stands still between two events of a simulation).
 */
export class History {
  readonly #now: () => number
  readonly #recorded: Recorded[] = []
  #lastMs = Number.NEGATIVE_INFINITY

  /** @param now a monotonic clock, milliseconds, never negative. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Call this before anything of the request can have left the client. */
  call(client: string, invocation: Invocation): Pending {
    const recorded: Recorded = {
      invocation,
      client,
      startMs: this.#moment(),
      endMs: Number.POSITIVE_INFINITY,
      result: 'unknown',
    }
    this.#recorded.push(recorded)
    let finished = false
    const finish: Pending['finish'] = (result) => {
      if (finished) return
      finished = true
      recorded.result = result
      if (result !== 'unknown') recorded.endMs = this.#moment()
    }
    return { finish }
  }

  /** Everything so far, by start. */
  operations(): Operation[] {
    return this.#recorded.map(({ invocation, ...rest }) => ({ ...invocation, ...rest }))
  }

  #moment(): number {
    const nowMs = this.#now()
    this.#lastMs = nowMs > this.#lastMs ? nowMs : this.#lastMs + stepMs
    return this.#lastMs
  }
}
