/** What was added within the last while, in tenths of it: exact amounts, times as coarse as that. Pure. */

const bucketCount = 10

export class RollingSum {
  readonly #bucketMs: number
  readonly #buckets = new Float64Array(bucketCount)
  /** Number of the bucket that is filled now, counted from time 0. */
  #current = 0
  #total = 0

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / bucketCount
  }

  add(amount: number, nowMs: number): void {
    this.#turn(nowMs)
    this.#buckets[this.#current % bucketCount]! += amount
    this.#total += amount
  }

  total(nowMs: number): number {
    this.#turn(nowMs)
    return this.#total
  }

  clear(): void {
    this.#buckets.fill(0)
    this.#total = 0
  }

  #turn(nowMs: number): void {
    const bucket = Math.floor(nowMs / this.#bucketMs)
    if (bucket <= this.#current) return
    const oldest = Math.max(this.#current + 1, bucket - bucketCount + 1)
    for (let emptied = oldest; emptied <= bucket; emptied++) this.#buckets[emptied % bucketCount] = 0
    this.#current = bucket
    this.#total = this.#buckets.reduce((sum, amount) => sum + amount, 0)
  }
}
