/** Whether a server that is checked from outside is well. Pure. */

/** How one check went. `refused`: nobody listens there. */
export type CheckOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly refused: boolean; readonly reason: string }

export interface HealthOptions {
  /** Between two checks of a server that is well, milliseconds. */
  readonly checkIntervalMs: number
  /** So many checks in a row must fail before it is not. */
  readonly checkFailures: number
}

/** First pause between two checks of a server that is not well, milliseconds; doubled up to the interval, so that one that comes back soon is seen soon. */
const pauseMinMs = 50

/** One good check is enough to be well; so many bad ones, or one that finds nobody there, to be well no more. */
export class Health {
  readonly #options: HealthOptions
  #healthy = false
  #failures = 0
  #pauseMs = pauseMinMs
  #reason = 'not checked yet'

  constructor(options: HealthOptions) {
    this.#options = options
  }

  get healthy(): boolean {
    return this.#healthy
  }

  /** What the last check that failed found. */
  get reason(): string {
    return this.#reason
  }

  /** When to check next, milliseconds after this check. */
  get pauseMs(): number {
    return this.#healthy ? this.#options.checkIntervalMs : Math.min(this.#pauseMs, this.#options.checkIntervalMs)
  }

  /** Takes a check. True if it changed the judgement. */
  checked(outcome: CheckOutcome): boolean {
    const before = this.#healthy
    if (outcome.ok) this.#succeeded()
    else this.#failed(outcome)
    return before !== this.#healthy
  }

  #succeeded(): void {
    this.#healthy = true
    this.#failures = 0
    this.#pauseMs = pauseMinMs
  }

  #failed({ refused, reason }: CheckOutcome & { ok: false }): void {
    this.#reason = reason
    this.#failures++
    if (!this.#healthy) this.#pauseMs *= 2
    else if (refused || this.#failures >= this.#options.checkFailures) this.#healthy = false
  }
}
