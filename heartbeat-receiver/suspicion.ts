/**
 * How suspicious a silence is: the φ-accrual failure detector (Hayashibara, Défago, Yared and Katayama, "The φ accrual failure detector",
 * SRDS 2004), as Akka and Cassandra use it. Gaps between heartbeats are taken as normally distributed; φ is minus the decimal logarithm
 * of the probability that a living sender is silent for at least so long.
 */
import { phiOf, thresholdDeviations } from './normal-tail.ts'

/**
 * Gaps that are remembered. 10 s at the default interval: one long gap is forgotten soon, a jittery machine is learnt within seconds
 * (Akka and Cassandra keep 1,000, of heartbeats ten times as slow).
 */
const windowSize = 100
/**
 * The standard deviation is never taken as lower than this share of the interval, or a quiet machine would be suspected for a late timer.
 * With φ 8 a silence is then suspected after 1 + 0.18 × 5.61 = 2.01 intervals: two heartbeats missed.
 */
const deviationShareMin = 0.18
/** Timers and scheduling are no finer than this, milliseconds. */
const deviationFloorMs = 5
/** A gap of less than this share of the interval is an extra heartbeat, which says nothing of the regular ones. */
const regularShareMin = 0.5

/**
 * A machine whose load sets in has gaps that no normal distribution has: a few long ones among many short. So a silence is never judged before
 * it is so many times as long as the longest gap of the window.
 */
const longestGapTimes = 1.5
/** Nor before it is longer than an interval by so many times the longest time in which the sender's own event loop stood still. */
const loopDelayTimes = 2.5
/** More than so many intervals of it are not believed: a sender's word must not make it exempt. */
const loopDelayIntervalsMax = 5

/** Watches one sender. Times are monotonic milliseconds, handed in. */
export class Suspicion {
  readonly #gaps: Float64Array = new Float64Array(windowSize)
  readonly #loopDelays: Float64Array = new Float64Array(windowSize)
  #count = 0
  #next = 0
  #intervalMs = 0
  #heardAtMs = 0

  /** `intervalMs` is what the sender was asked for; it stands for the gaps that are not seen yet. */
  constructor(intervalMs: number, nowMs: number) {
    this.expect(intervalMs, nowMs)
  }

  /** When it was heard last. */
  get heardAtMs(): number {
    return this.#heardAtMs
  }

  /** Forgets what was learnt: the sender was told another interval, or has just come back. */
  expect(intervalMs: number, nowMs: number): void {
    this.#intervalMs = intervalMs
    this.#heardAtMs = nowMs
    this.#gaps[0] = intervalMs
    this.#loopDelays[0] = 0
    this.#count = 1
    this.#next = 1
  }

  /**
   * A heartbeat came. `loopDelayMs` is the longest time in which the sender's event loop stood still since the one before, by its own word;
   * `stalledMs` the time for which the listener stood still just now: from an interval on it says nothing of the sender, and is not learnt.
   */
  heard(nowMs: number, loopDelayMs = 0, stalledMs = 0): void {
    const gapMs = nowMs - this.#heardAtMs - (stalledMs >= this.#intervalMs ? stalledMs : 0)
    this.#heardAtMs = Math.max(nowMs, this.#heardAtMs)
    if (gapMs < this.#intervalMs * regularShareMin) return
    this.#gaps[this.#next] = gapMs
    this.#loopDelays[this.#next] = loopDelayMs
    this.#next = (this.#next + 1) % windowSize
    this.#count = Math.min(this.#count + 1, windowSize)
  }

  /** φ of the silence so far: 1 is a chance of 10 % that it means nothing, 8 is 10⁻⁸. */
  phi(nowMs: number): number {
    const { meanMs, deviationMs } = this.#gapsSeen()
    return phiOf((nowMs - this.#heardAtMs - meanMs) / deviationMs)
  }

  /**
   * How long a silence may last, milliseconds: until φ reaches the threshold (8), or longer where the window holds what is not normally
   * distributed.
   */
  patienceMs(): number {
    const { meanMs, deviationMs } = this.#gapsSeen()
    let longestGapMs = 0
    let longestDelayMs = 0
    for (let index = 0; index < this.#count; index++) {
      longestGapMs = Math.max(longestGapMs, this.#gaps[index]!)
      longestDelayMs = Math.max(longestDelayMs, this.#loopDelays[index]!)
    }
    const byDelayMs =
      this.#intervalMs + loopDelayTimes * Math.min(longestDelayMs, this.#intervalMs * loopDelayIntervalsMax)
    return Math.max(meanMs + thresholdDeviations * deviationMs, longestGapTimes * longestGapMs, byDelayMs)
  }

  #gapsSeen(): { meanMs: number; deviationMs: number } {
    let sum = 0
    for (let index = 0; index < this.#count; index++) sum += this.#gaps[index]!
    const meanMs = sum / this.#count
    let squares = 0
    for (let index = 0; index < this.#count; index++) squares += (this.#gaps[index]! - meanMs) ** 2
    const seenMs = Math.sqrt(squares / this.#count)
    const leastMs = Math.max(this.#intervalMs * deviationShareMin, deviationFloorMs)
    return { meanMs, deviationMs: Math.max(seenMs, leastMs) }
  }
}
