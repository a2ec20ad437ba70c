/** For tests: time that passes only when it is told to. */
import type { Time } from '../checkpoint/time.ts'

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

export class VirtualTime implements Time {
  #nowMs = 0
  #timers: Timer[] = []

  now(): number {
    return this.#nowMs
  }

  wall(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.push(timer)
    return () => this.#drop(timer)
  }

  every(intervalMs: number, callback: () => void): () => void {
    let cancel: () => void
    const again = () => {
      cancel = this.after(intervalMs, () => {
        again()
        callback()
      })
    }
    again()
    return () => cancel()
  }

  soon(callback: () => void): void {
    this.after(0, callback)
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.length
  }

  /** Lets so much time pass, with what promises do between any two timers. */
  async pass(forMs: number): Promise<void> {
    const endMs = this.#nowMs + forMs
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      const next = this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (!next || next.atMs > endMs) break
      this.#drop(next)
      this.#nowMs = next.atMs
      next.callback()
    }
    this.#nowMs = endMs
  }

  #drop(timer: Timer): void {
    this.#timers = this.#timers.filter((one) => one !== timer)
  }
}
