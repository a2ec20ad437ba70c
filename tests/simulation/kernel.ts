/** Virtual time: what happens next, and nothing happens beside it. The processes that live in it are in `process.ts`. */
import { EventHeap, type Scheduled } from './event-heap.ts'
import { runMicrotasks } from './microtasks.ts'

/** So many events without time going on mean that something turns in a circle. */
const eventsPerMomentMax = 100_000

export class Kernel {
  readonly #heap = new EventHeap()
  readonly #lines: string[] | null
  #nowMs = 0
  #events = 0
  #hash = 0x811c9dc5
  #stopped = false

  /** @param verbose keeps the story, which costs time */
  constructor(verbose: boolean) {
    this.#lines = verbose ? [] : null
  }

  /** Virtual milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** How many events there were. */
  get events(): number {
    return this.#events
  }

  /** Of the order and time of all that was noted: two runs of one seed have the same. */
  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  get story(): readonly string[] {
    return this.#lines ?? []
  }

  at(atMs: number, run: () => void): Scheduled {
    return this.#heap.add(Math.max(atMs, this.#nowMs), run)
  }

  in(delayMs: number, run: () => void): Scheduled {
    return this.at(this.#nowMs + delayMs, run)
  }

  /** A line of the story; made only if somebody reads it. */
  tell(line: () => string): void {
    this.#lines?.push(`${this.#nowMs.toFixed(3).padStart(10)} ${line()}`)
  }

  /** Mixes a number into the hash of the trace. */
  mark(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193)
  }

  /** Nothing happens after this event. */
  stop(): void {
    this.#stopped = true
  }

  /** Lets time pass. To be called from a macrotask. */
  run(untilMs: number): void {
    let moment = 0
    while (!this.#stopped) {
      const next = this.#heap.peek()
      if (!next || next.atMs > untilMs) break
      this.#heap.take()
      if (!next.run) continue
      moment = next.atMs === this.#nowMs ? moment + 1 : 0
      if (moment > eventsPerMomentMax) throw new Error(`assertion: time stands still at ${this.#nowMs} ms`)
      this.#nowMs = next.atMs
      this.#events++
      this.mark(next.order)
      this.mark(next.atMs * 1_000)
      next.run()
      runMicrotasks()
    }
    if (!this.#stopped) this.#nowMs = Math.max(this.#nowMs, untilMs)
  }
}
