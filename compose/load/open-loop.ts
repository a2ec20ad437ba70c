/**
 * An open loop: requests have intended times that do not wait for answers. What finds no free client waits in a queue,
 * and its latency counts from the intended time, so that a slow server cannot hide by slowing the client
 * (Gil Tene's "coordinated omission").
 */
export interface OpenLoopOptions {
  /** Intended requests per second, evenly spaced. */
  ratePerSecond: number
  /** How long requests are intended, from the start, milliseconds. `Infinity` until {@link OpenLoop.end}. */
  durationMs: number
  /** How many requests may be under way at once. */
  clients: number
}

export class OpenLoop {
  readonly #startMs: number
  readonly #spacingMs: number
  readonly #free: number[]
  #total: number
  #issued = 0

  /** `startMs` on the caller's clock is the intended time of the first request. */
  constructor(options: OpenLoopOptions, startMs: number) {
    this.#startMs = startMs
    this.#spacingMs = 1_000 / options.ratePerSecond
    this.#total = Math.ceil(options.durationMs / this.#spacingMs)
    // The client that waited longest comes first, so that all of them are used.
    this.#free = Array.from({ length: options.clients }, (_, client) => client)
  }

  /** The next request that is due and the client that sends it, or undefined if none is due or no client is free. */
  take(nowMs: number): { client: number; intendedMs: number } | undefined {
    const intendedMs = this.#intendedMs(this.#issued)
    if (this.#issued >= this.#total || intendedMs > nowMs) return undefined
    const client = this.#free.shift()
    if (client === undefined) return undefined
    this.#issued++
    return { client, intendedMs }
  }

  /** A client has its answer. */
  release(client: number): void {
    this.#free.push(client)
  }

  /** No request is intended after `nowMs`; those intended before are still to be sent. */
  end(nowMs: number): void {
    this.#total = Math.min(this.#total, this.intendedBy(nowMs))
  }

  /** How many requests are intended up to and including `nowMs`. */
  intendedBy(nowMs: number): number {
    if (nowMs < this.#startMs) return 0
    return Math.min(this.#total, Math.floor((nowMs - this.#startMs) / this.#spacingMs) + 1)
  }

  /** How many intended requests wait for a free client. */
  waiting(nowMs: number): number {
    return this.#free.length > 0 ? 0 : this.intendedBy(nowMs) - this.#issued
  }

  /** Gives up what was intended but not sent, and says how much that is. */
  abandon(nowMs: number): number {
    this.end(nowMs)
    const abandoned = this.#total - this.#issued
    this.#total = this.#issued
    return abandoned
  }

  /** When `take` is worth a call again: the next intended time; undefined if that depends on a client, or nothing is left. */
  nextMs(): number | undefined {
    if (this.#issued >= this.#total || this.#free.length === 0) return undefined
    return this.#intendedMs(this.#issued)
  }

  /** True once every intended request was sent. */
  get exhausted(): boolean {
    return this.#issued >= this.#total
  }

  #intendedMs(index: number): number {
    return this.#startMs + index * this.#spacingMs
  }
}
