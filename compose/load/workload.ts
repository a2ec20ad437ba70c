/** Which operation comes next: a seeded mix of writes and reads over keys that only this run uses. */
import type { HistoryEntry, Operation } from './operations.ts'
import { type Random, randomBelow, seededRandom } from './random.ts'

const counterCount = 16
const registerCount = 16
/** How many users fight for one seat, one after the other and at the same time. */
const usersPerContendedSeat = 8
/** How many booked seats are remembered for reading and cancelling. */
const rememberedSeats = 512
/** How often a compare-and-set expects what is certainly no longer there. */
const staleExpectRatio = 0.1

export interface WorkloadOptions {
  /** Begins every key, so that runs on one journal do not meet. Letters, digits and `-`. */
  run: string
  seed: number
  /** Share of operations that change something, from 0 to 1. */
  writeRatio: number
}

type Maker = () => Operation

export class Workload {
  readonly #run: string
  readonly #random: Random
  readonly #writeRatio: number
  readonly #booked: string[] = []
  readonly #registers = new Map<string, { value: string; version: number }>()
  readonly #writes: [share: number, make: Maker][]
  readonly #reads: [share: number, make: Maker][]
  #sequence = 0
  #contended = 0

  constructor(options: WorkloadOptions) {
    this.#run = options.run
    this.#random = seededRandom(options.seed)
    this.#writeRatio = options.writeRatio
    this.#writes = [
      [0.25, () => ({ op: 'book', seat: this.#key('seat', this.#sequence), user: this.#user() })],
      [0.15, () => ({ op: 'book', seat: this.#contendedSeat(), user: this.#user() })],
      [0.05, () => this.#cancel()],
      [0.3, () => ({ op: 'increment', counter: this.#counter() })],
      [0.1, () => ({ op: 'put', register: this.#register(), value: this.#user() })],
      [0.15, () => this.#compareAndSet()],
    ]
    this.#reads = [
      [0.4, () => ({ op: 'read-seat', seat: this.#someSeat() })],
      [0.3, () => ({ op: 'read-counter', counter: this.#counter() })],
      [0.3, () => ({ op: 'read-register', register: this.#register() })],
    ]
  }

  /** The next operation. */
  next(): Operation {
    this.#sequence++
    const shares = this.#random() < this.#writeRatio ? this.#writes : this.#reads
    let left = this.#random()
    for (const [share, make] of shares) {
      if (left < share) return make()
      left -= share
    }
    return shares[0]![1]()
  }

  /** Takes note of an answer, so that later operations can build on it. */
  learn({ operation, outcome }: Pick<HistoryEntry, 'operation' | 'outcome'>): void {
    if (outcome.type !== 'answered') return
    const { answer } = outcome
    if (operation.op === 'book' && answer.type === 'booking') this.#remember(operation.seat)
    if (!('register' in operation) || (answer.type !== 'register' && answer.type !== 'mismatch')) return
    if (answer.value === null) return
    const known = this.#registers.get(operation.register)
    if (known && known.version >= answer.version) return
    this.#registers.set(operation.register, { value: answer.value, version: answer.version })
  }

  #remember(seat: string): void {
    // Contended seats are not cancelled: that nobody else gets one, ever, is what they are for.
    if (seat.includes('-contended-')) return
    if (this.#booked.length >= rememberedSeats) this.#booked[randomBelow(this.#random, rememberedSeats)] = seat
    else this.#booked.push(seat)
  }

  #cancel(): Operation {
    // Taken out of the list, so that a seat is cancelled once.
    const index = randomBelow(this.#random, this.#booked.length)
    const [seat] = this.#booked.splice(index, 1)
    return seat === undefined ? { op: 'increment', counter: this.#counter() } : { op: 'cancel', seat }
  }

  #compareAndSet(): Operation {
    const register = this.#register()
    const stale = this.#random() < staleExpectRatio
    const expect = stale ? `${this.#run}-never` : (this.#registers.get(register)?.value ?? null)
    return { op: 'compare-and-set', register, expect, value: this.#user() }
  }

  #contendedSeat(): string {
    return this.#key('contended', Math.floor(this.#contended++ / usersPerContendedSeat))
  }

  #someSeat(): string {
    const seat = this.#booked[randomBelow(this.#random, this.#booked.length)]
    const contended = this.#key('contended', Math.floor(this.#contended / usersPerContendedSeat))
    return this.#random() < 0.3 ? contended : (seat ?? contended)
  }

  #counter(): string {
    return this.#key('counter', randomBelow(this.#random, counterCount))
  }

  #register(): string {
    return this.#key('register', randomBelow(this.#random, registerCount))
  }

  #key(kind: string, index: number): string {
    return `${this.#run}-${kind}-${index}`
  }

  /** Unique per operation: as a user or as a register's value it says which operation wrote it. */
  #user(): string {
    return `${this.#run}-${this.#sequence}`
  }
}
