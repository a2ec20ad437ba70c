/** For tests: time that passes only when it is told to. */
import type { Time } from './time.ts'

/** Stands still but for `run`, which lets it pass event by event. */
export class VirtualTime implements Time {
  #nowMs = 0
  #sequence = 0
  #events: { readonly atMs: number; readonly order: number; readonly callback: () => void }[] = []

  now(): number {
    return this.#nowMs
  }
  wall(): number {
    return 1_700_000_000_000 + this.#nowMs
  }
  after(delayMs: number, callback: () => void): () => void {
    const event = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#sequence++, callback }
    this.#events.push(event)
    return () => {
      this.#events = this.#events.filter((other) => other !== event)
    }
  }
  every(intervalMs: number, callback: () => void): () => void {
    const again = () => {
      cancel = this.after(intervalMs, again)
      callback()
    }
    let cancel = this.after(intervalMs, again)
    return () => cancel()
  }
  soon(callback: () => void): void {
    this.after(0, callback)
  }
  /** The process was stopped for so long: nothing of it ran meanwhile. */
  standStill(forMs: number): void {
    this.#nowMs += forMs
  }
  async run(forMs: number): Promise<void> {
    const untilMs = this.#nowMs + forMs
    for (;;) {
      for (let turn = 0; turn < 100; turn++) await null // what hangs on promises alone
      this.#events.sort((left, right) => left.atMs - right.atMs || left.order - right.order)
      if (this.#events.length === 0 || this.#events[0]!.atMs > untilMs) break
      const { atMs, callback } = this.#events.shift()!
      this.#nowMs = Math.max(this.#nowMs, atMs)
      callback()
    }
    this.#nowMs = untilMs
  }
}
