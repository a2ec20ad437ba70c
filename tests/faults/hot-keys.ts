/** Which operation comes next: a seeded mix, half writes, over so few keys that many operations on one key are under way at once. Pure. */
import type { HistoryEntry, Operation } from '../../compose/load/operations.ts'
import { type Random, randomBelow, seededRandom } from '../../compose/load/random.ts'

const counters = 2
const registers = 3
/** How many users ask for one seat, most of them at the same time. */
const usersPerSeat = 6
/** A compare-and-set that expects what is no longer there must be refused. */
const staleRatio = 0.2
const writeRatio = 0.5

export class HotKeys {
  readonly #run: string
  readonly #random: Random
  readonly #known = new Map<string, { value: string; version: number }>()
  readonly #booked: string[] = []
  #sequence = 0
  #asked = 0

  /** `run` begins every key, so that runs on one journal do not meet. Letters, digits and `-`. */
  constructor(run: string, seed: number) {
    this.#run = run
    this.#random = seededRandom(seed)
  }

  next(kind: 'any' | 'read' = 'any'): Operation {
    this.#sequence++
    return kind === 'any' && this.#random() < writeRatio ? this.#write() : this.#read()
  }

  /** Takes note of an answer, so that later operations can build on it. */
  learn({ operation, outcome }: Pick<HistoryEntry, 'operation' | 'outcome'>): void {
    if (outcome.type !== 'answered') return
    const { answer } = outcome
    if (operation.op === 'book' && answer.type === 'booking' && !operation.seat.includes('-wanted-'))
      this.#booked.push(operation.seat)
    if (!('register' in operation) || (answer.type !== 'register' && answer.type !== 'mismatch')) return
    const { value, version } = answer
    if (value !== null && version > (this.#known.get(operation.register)?.version ?? 0))
      this.#known.set(operation.register, { value, version })
  }

  #write(): Operation {
    const die = this.#random()
    if (die < 0.35) return { op: 'increment', counter: this.#one('counter', counters) }
    if (die < 0.5) return { op: 'put', register: this.#one('register', registers), value: this.#unique() }
    if (die < 0.75) return this.#compareAndSet()
    if (die < 0.9) return { op: 'book', seat: this.#wanted(this.#asked++), user: this.#unique() }
    // Taken out of the list: a seat is cancelled once, and nobody books it again.
    const booked = die < 0.95 ? this.#booked.shift() : undefined
    return booked === undefined
      ? { op: 'book', seat: this.#key('seat', this.#sequence), user: this.#unique() }
      : { op: 'cancel', seat: booked }
  }

  #read(): Operation {
    const die = this.#random()
    if (die < 0.4) return { op: 'read-counter', counter: this.#one('counter', counters) }
    if (die < 0.75) return { op: 'read-register', register: this.#one('register', registers) }
    return { op: 'read-seat', seat: this.#booked[0] ?? this.#wanted(this.#asked) }
  }

  #compareAndSet(): Operation {
    const register = this.#one('register', registers)
    const stale = this.#random() < staleRatio
    const expect = stale ? this.#key('never', 0) : (this.#known.get(register)?.value ?? null)
    return { op: 'compare-and-set', register, expect, value: this.#unique() }
  }

  #wanted(asked: number): string {
    return this.#key('wanted', Math.floor(asked / usersPerSeat))
  }

  #one(kind: string, count: number): string {
    return this.#key(kind, randomBelow(this.#random, count))
  }

  #key(kind: string, index: number): string {
    return `${this.#run}-${kind}-${index}`
  }

  /** Says, as a user or as what a register holds, which operation wrote it. */
  #unique(): string {
    return `${this.#run}-${this.#sequence}`
  }
}
