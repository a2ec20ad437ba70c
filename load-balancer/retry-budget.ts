/**
 * How many requests may be sent again: a share of those that came lately, and a few each second whatever comes. When everything
 * fails, retries would otherwise multiply the load on what is left. After Finagle's `RetryBudget`. Pure: the clock is handed in.
 */
import { RollingSum } from './rolling-sum.ts'

export interface RetryLimits {
  /** Retries for each request, from 0 to 1. */
  share: number
  /** Retries each second that need no requests: with little traffic a share of it would be none. */
  floorPerSecond: number
  /** What came longer ago earns nothing, milliseconds. */
  windowMs: number
}

/** Whole numbers, so that a thousand times a fifth is two hundred. */
const unitsPerRetry = 1_000

export class RetryBudget {
  readonly #earned: RollingSum
  readonly #unitsPerRequest: number
  readonly #floorUnits: number

  constructor({ share, floorPerSecond, windowMs }: RetryLimits) {
    this.#earned = new RollingSum(windowMs)
    this.#unitsPerRequest = Math.round(share * unitsPerRetry)
    this.#floorUnits = (floorPerSecond * unitsPerRetry * windowMs) / 1_000
  }

  /** A request came; not to be called for its retries. */
  requested(nowMs: number): void {
    this.#earned.add(this.#unitsPerRequest, nowMs)
  }

  /** Takes one retry from the budget; false if there is none left. */
  take(nowMs: number): boolean {
    if (this.#floorUnits + this.#earned.total(nowMs) < unitsPerRetry) return false
    this.#earned.add(-unitsPerRetry, nowMs)
    return true
  }
}
