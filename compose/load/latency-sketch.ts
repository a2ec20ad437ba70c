/**
 * Percentiles of any number of latencies in bounded memory: counts in buckets whose bounds grow by a constant factor, so that each
 * answer is within a stated relative error (Masson, Rim, Lee: "DDSketch", VLDB 2019). Two sketches of one error can be merged.
 */

/** Shorter and longer ones are counted as these, milliseconds. */
const lowestMs = 0.01
const highestMs = 600_000

export class LatencySketch {
  readonly #growth: number
  readonly #logGrowth: number
  readonly #counts: Uint32Array
  #count = 0
  #maxMs = 0

  /** A percentile is at most `relativeError` off, such as 0.01; memory is 4 bytes for each of `ln(6e7) / (2 * relativeError)` buckets. */
  constructor(relativeError: number) {
    this.#growth = (1 + relativeError) / (1 - relativeError)
    this.#logGrowth = Math.log(this.#growth)
    this.#counts = new Uint32Array(Math.ceil(Math.log(highestMs / lowestMs) / this.#logGrowth) + 1)
  }

  get count(): number {
    return this.#count
  }

  /** The largest, exactly; 0 of none. */
  get maxMs(): number {
    return this.#maxMs
  }

  add(latencyMs: number): void {
    const clamped = Math.min(highestMs, Math.max(lowestMs, latencyMs))
    this.#counts[Math.ceil(Math.log(clamped / lowestMs) / this.#logGrowth)]!++
    this.#count++
    if (latencyMs > this.#maxMs) this.#maxMs = latencyMs
  }

  /** Adds all of `other`, which has the same error. */
  merge(other: LatencySketch): void {
    if (other.#counts.length !== this.#counts.length) throw new RangeError('only sketches of one error can be merged')
    for (const [bucket, count] of other.#counts.entries()) if (count > 0) this.#counts[bucket]! += count
    this.#count += other.#count
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs)
  }

  /** What at least `share` of all do not exceed (nearest rank), milliseconds; 0 of none. */
  percentileMs(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count))
    if (this.#count === 0) return 0
    if (rank >= this.#count) return this.#maxMs
    let seen = 0
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count
      if (seen >= rank) return Math.min(this.#maxMs, this.#middleMs(bucket))
    }
    return this.#maxMs
  }

  /** The value that is equally far, relatively, from both bounds of a bucket. */
  #middleMs(bucket: number): number {
    const upper = lowestMs * this.#growth ** bucket
    return (2 * upper) / (1 + this.#growth)
  }
}
