/** A stretch of a run over keys of its own: a history that is verified when its last answer is there, and then forgotten. */
import type { Connection } from './connection.ts'
import { type Finding, finding } from './findings.ts'
import type { FinalState, HistoryEntry, Operation } from './operations.ts'
import { cancelSeats, readBack } from './read-back.ts'
import { verify } from './verify.ts'
import { Workload } from './workload.ts'

/** What a verified chapter left behind: enough to see later that it is still there. */
interface Remains {
  bookings: number
  /** Sum of a hash of each booking: who holds which seat, in no order. */
  holders: number
  counted: number
  versions: number
}

export interface ChapterOptions {
  /** Begins every key of the chapter. */
  prefix: string
  seed: number
  writeRatio: number
}

export class Chapter {
  readonly prefix: string
  /** Both are let go of when they are no longer needed. */
  #workload: Workload | undefined
  #history: HistoryEntry[] = []
  #begun = 0
  readonly #settled = Promise.withResolvers<void>()
  readonly #counters = new Set<string>()
  readonly #registers = new Set<string>()
  #open = 0
  #closed = false
  #remains: Remains | undefined
  /** Seats that were booked when it was verified, until they are given back. */
  #booked: string[] = []

  constructor({ prefix, seed, writeRatio }: ChapterOptions) {
    this.prefix = prefix
    this.#workload = new Workload({ run: prefix, seed, writeRatio })
  }

  /** How many operations were begun. */
  get begun(): number {
    return this.#begun
  }

  /** The next operation, which is to be settled. */
  begin(): Operation {
    if (!this.#workload) throw new RangeError('a closed chapter begins nothing')
    this.#begun++
    this.#open++
    return this.#workload.next()
  }

  settle(entry: HistoryEntry): void {
    this.#history.push(entry)
    this.#workload?.learn(entry)
    this.#open--
    if (this.#closed && this.#open === 0) this.#settled.resolve()
  }

  /** Begins nothing any more; resolves when everything begun is settled. */
  close(): Promise<void> {
    this.#closed = true
    this.#workload = undefined
    if (this.#open === 0) this.#settled.resolve()
    return this.#settled.promise
  }

  /**
   * Reads back and judges the history, and forgets it. `gently` reads seat by seat, for while the load goes on: a service may have to
   * look through all it holds for a page. Rejects if something cannot be read.
   */
  async verify(connection: Pick<Connection, 'send'>, gently: boolean): Promise<Finding[]> {
    const seats = new Set<string>()
    for (const { operation } of this.#history) {
      if ('counter' in operation) this.#counters.add(operation.counter)
      else if ('register' in operation) this.#registers.add(operation.register)
      else seats.add(operation.seat)
    }
    try {
      const final = await this.#read(connection, gently ? seats : undefined)
      this.#remains = remainsOf(final)
      this.#booked = [...final.bookings.keys()]
      return verify(this.#history, final)
    } finally {
      this.#history = []
    }
  }

  /** Gives the seats back that it still had when it was verified: what a long run leaves behind stays small. Rejects if one is not there. */
  async giveBack(connection: Pick<Connection, 'send'>): Promise<void> {
    const seats = this.#booked
    this.#booked = []
    await cancelSeats(connection, seats)
    if (this.#remains) this.#remains = { ...this.#remains, bookings: 0, holders: 0 }
  }

  /** What became of a chapter after it was verified: nothing asked for its keys again, so nothing may have changed. */
  async verifyAgain(connection: Pick<Connection, 'send'>): Promise<Finding[]> {
    const before = this.#remains
    if (!before) return []
    const after = remainsOf(await this.#read(connection, undefined))
    return (Object.keys(before) as (keyof Remains)[]).flatMap((what) => {
      if (before[what] === after[what]) return []
      const kind = what !== 'holders' && after[what] < before[what] ? 'lost' : 'wrong'
      const count = what === 'holders' ? 1 : Math.abs(before[what] - after[what])
      const detail = `${what} came to ${before[what]} when last used, and to ${after[what]} at the end`
      return [finding(kind, this.prefix, detail, count)]
    })
  }

  #read(connection: Pick<Connection, 'send'>, seats: Iterable<string> | undefined): Promise<FinalState> {
    const keys = { counters: this.#counters, registers: this.#registers }
    return readBack({ connection, run: this.prefix, ...keys, ...(seats ? { seats } : {}) })
  }
}

function remainsOf({ bookings, counters, registers }: FinalState): Remains {
  let holders = 0
  for (const [seat, { user, id }] of bookings) holders += hashOf(`${seat} ${user} ${id}`)
  let counted = 0
  for (const value of counters.values()) counted += value
  let versions = 0
  for (const { version } of registers.values()) versions += version
  return { bookings: bookings.size, holders, counted, versions }
}

/** FNV-1a, 32 bits: sums of millions stay exact. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}
