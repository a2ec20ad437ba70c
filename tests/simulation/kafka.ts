/**
 * Kafka as the simulated world has it: logs and a compacted store that all processes share, and between them and each process a network in
 * which a request may be late, an answer lost, and an append land long after its writer gave it up. The ports are those of
 * `checkpoint/journal.ts` and `checkpoint/snapshot-store.ts`; what stands behind them keeps their contracts, at their worst.
 */
import { CheckpointError } from '../../checkpoint/errors.ts'
import type { Journal, JournalRecord, RecordListener, Tail } from '../../checkpoint/journal.ts'
import type { Network } from './network.ts'
import type { SimProcess } from './process.ts'
import { chance, type Random, randomBelow } from './random.ts'

/** What goes wrong at the brokers, each with its likelihood for one append; faults change it. */
export interface BrokerWeather {
  /** The request never arrives. */
  dropShare: number
  /** It lands, and its answer is lost. */
  answerLostShare: number
  /** It lands so much later that the writer has given it up: a zombie. */
  lateShare: number
  lateMs: number
  /** The connection breaks: the writer hears of a failure at once, and the record may land all the same. */
  brokenShare: number
  /** A lying broker: the record lands, and -1 or an offset that is too low is answered; see {@link lieAbout}. */
  lyingShare: number
  /** Reads are so much later, milliseconds. */
  tailDelayMs: number
  /** Until when nobody is answered, and nothing lands. */
  downUntilMs: number
  /** How long one append takes at the broker, milliseconds. */
  appendMs: number
}

export function calmBrokers({ append, fetch }: { append: number; fetch: number }): BrokerWeather {
  return {
    ...{ dropShare: 0, answerLostShare: 0, lateShare: 0, lateMs: 0, brokenShare: 0, lyingShare: 0 },
    ...{ tailDelayMs: fetch, downUntilMs: 0, appendMs: append },
  }
}

/** The brokers' name on the network. */
export const kafkaName = 'kafka'

/** One topic with one partition. */
export class SimLog {
  readonly name: string
  readonly records: Uint8Array[] = []
  first = 0
  readonly #listeners = new Set<() => void>()

  constructor(name: string) {
    this.name = name
  }

  /** How often the topic was made anew. */
  generation = 0

  /** The topic is deleted and made anew: nothing is left, and nobody is told. That takes longer than an append can be under way. */
  lose(): void {
    this.generation++
    this.records.length = 0
    this.first = 0
  }

  append(value: Uint8Array): number {
    const offset = this.records.push(value) - 1
    for (const listener of this.#listeners) listener()
    return offset
  }

  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** What happened to appends and requests, by kind. */
export type Count = (kind: string) => void

export interface BrokerOptions {
  readonly network: Network
  readonly weather: BrokerWeather
  readonly random: Random
  readonly count: Count
}

/** Milliseconds after which a request that hears nothing is given up. */
const requestTimeoutMs = 1_000
/** A broker holds a fetch that long, milliseconds: it answers at once when there is something. */
const batchMax = 500

function unreachable(what: string): CheckpointError {
  return new CheckpointError('JOURNAL_UNREACHABLE', `simulated: ${what}`)
}

/** One process's way to the brokers: a request there, its work, and the answer back. */
export class BrokerLink {
  readonly process: SimProcess
  readonly options: BrokerOptions
  closed = false

  constructor(options: BrokerOptions, process: SimProcess) {
    this.options = options
    this.process = process
  }

  /** Until when requests do not arrive; 0 if they do. */
  get blockedUntilMs(): number {
    const { network, weather } = this.options
    return Math.max(network.cutUntil(this.process.name, kafkaName), weather.downUntilMs)
  }

  get answersBlockedUntilMs(): number {
    const { network, weather } = this.options
    return Math.max(network.cutUntil(kafkaName, this.process.name), weather.downUntilMs)
  }

  mustBeOpen(): void {
    if (this.closed) throw new CheckpointError('STOPPED', 'the journal was closed')
  }

  /** Asks the brokers for something that changes nothing, or that may be done twice. */
  ask<Answer>(work: () => Answer, what: string): Promise<Answer> {
    const { network } = this.options
    const { kernel } = network
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(new CheckpointError('STOPPED', 'the journal was closed'))
      let waits = true
      const cancel = this.process.time.after(requestTimeoutMs, () => {
        waits = false
        reject(unreachable(`${what} was not answered`))
      })
      const deliver = (act: () => void) => {
        if (kernel.nowMs < this.answersBlockedUntilMs) return
        kernel.in(network.delayMs(), () =>
          this.process.take(() => {
            if (!waits) return
            waits = false
            cancel()
            act()
          }),
        )
      }
      kernel.in(network.delayMs(), () => {
        if (kernel.nowMs < this.blockedUntilMs) return
        const answer = work()
        deliver(() => (this.closed ? reject(new CheckpointError('STOPPED', 'closed')) : resolve(answer)))
      })
    })
  }
}

/** An append on its way. */
interface Sent {
  readonly value: Uint8Array
  readonly kind: string
  /** Of the topic that it was meant for. */
  readonly generation: number
  readonly answer: (offset: number) => void
}

/** A process's view of a log. */
export class SimJournal implements Journal {
  readonly #link: BrokerLink
  readonly #log: SimLog
  #tail: SimTail | null = null
  readonly #onClose = new Set<() => void>()

  constructor(options: BrokerOptions, log: SimLog, process: SimProcess) {
    this.#link = new BrokerLink(options, process)
    this.#log = log
  }

  async open(): Promise<void> {
    await this.#link.ask(() => undefined, 'open')
  }

  append(value: Uint8Array, deadlineMs: number): Promise<number> {
    const { random, count, network } = this.#link.options
    const { process } = this.#link
    const { kernel } = network
    const copy = Uint8Array.from(value)
    return new Promise((resolve, reject) => {
      if (this.#link.closed) return reject(new CheckpointError('STOPPED', 'the journal was closed'))
      let waits = true
      const settle = (act: () => void) => {
        if (!waits) return
        waits = false
        cancel()
        this.#onClose.delete(close)
        act()
      }
      const close = () => settle(() => reject(new CheckpointError('STOPPED', 'the journal was closed')))
      this.#onClose.add(close)
      const cancel = process.time.after(deadlineMs, () =>
        settle(() => reject(unreachable('the append was not answered in time'))),
      )
      const fate = this.#fate(deadlineMs)
      if (fate.kind !== 'well') count(`append ${fate.kind}`)
      if (fate.kind === 'broken')
        kernel.in(network.delayMs(), () =>
          process.take(() => settle(() => reject(unreachable('the connection was lost')))),
        )
      if (fate.kind === 'dropped' || (fate.kind === 'broken' && chance(random, 0.4))) return
      const answer = (offset: number) => settle(() => resolve(offset))
      const sent = { value: copy, kind: fate.kind, generation: this.#log.generation, answer }
      kernel.in(network.delayMs() + fate.lateMs, () => this.#arrive(sent))
    })
  }

  async tail(from: number, onRecords: RecordListener): Promise<Tail> {
    if (this.#tail) throw new Error('assertion: one tail per journal')
    this.#link.mustBeOpen()
    this.#tail = new SimTail(this.#link, this.#log, from, onRecords)
    return this.#tail
  }

  start(): Promise<number> {
    return this.#link.ask(() => this.#log.first, 'start')
  }

  end(): Promise<number> {
    return this.#link.ask(() => this.#log.records.length, 'end')
  }

  async truncate(before: number): Promise<void> {
    await this.#link.ask(() => {
      this.#log.first = Math.max(this.#log.first, Math.min(before, this.#log.records.length))
    }, 'truncate')
    this.#link.options.count('journal truncated')
  }

  async close(): Promise<void> {
    this.#link.closed = true
    for (const close of [...this.#onClose]) close()
    await this.#tail?.close()
  }

  #fate(deadlineMs: number): { kind: string; lateMs: number } {
    const { weather, random } = this.#link.options
    let draw = random()
    const is = (share: number) => {
      draw -= share
      return draw < 0
    }
    if (is(weather.dropShare)) return { kind: 'dropped', lateMs: 0 }
    if (is(weather.answerLostShare)) return { kind: 'answer lost', lateMs: 0 }
    if (is(weather.lateShare)) return { kind: 'late', lateMs: deadlineMs * random() + random() * weather.lateMs }
    if (is(weather.brokenShare)) return { kind: 'broken', lateMs: random() * weather.lateMs }
    if (is(weather.lyingShare)) return { kind: 'lied about', lateMs: 0 }
    return { kind: 'well', lateMs: 0 }
  }

  /** At the brokers. Cut off, it waits in the system's buffers until the way is free, or is lost with its connection. */
  #arrive(sent: Sent): void {
    const { value, kind, generation, answer } = sent
    const { network, weather, random, count } = this.#link.options
    const { kernel } = network
    const blockedUntilMs = this.#link.blockedUntilMs
    if (kernel.nowMs < blockedUntilMs) {
      if (blockedUntilMs === Number.POSITIVE_INFINITY || chance(random, 0.5)) return count('append lost in a cut')
      count('append held up by a cut')
      kernel.at(blockedUntilMs + random() * 200, () => this.#arrive(sent))
      return
    }
    if (generation !== this.#log.generation) return
    const offset = this.#log.append(value)
    if (kind === 'answer lost' || kind === 'broken') return
    if (kernel.nowMs < this.#link.answersBlockedUntilMs) return count('answer lost in a cut')
    const told = kind === 'lied about' ? lieAbout(offset, random) : offset
    kernel.in(weather.appendMs + network.delayMs(), () => this.#link.process.take(() => answer(told)))
  }
}

/**
 * What a false answer says: -1, as for a batch that passes for a duplicate, or an offset long past. Never the one that the writer hopes for
 * while another record stands there: nobody could know that, and no broker is known to do it.
 */
function lieAbout(offset: number, random: Random): number {
  return offset > 20 && chance(random, 0.5) ? randomBelow(random, 5) : -1
}

/** A standing read. */
class SimTail implements Tail {
  readonly #link: BrokerLink
  readonly #log: SimLog
  readonly #onRecords: RecordListener
  readonly #unsubscribe: () => void
  #next: number
  #fetching = false
  #delivering: Promise<void> | null = null
  #closed = false

  constructor(link: BrokerLink, log: SimLog, from: number, onRecords: RecordListener) {
    this.#link = link
    this.#log = log
    this.#onRecords = onRecords
    this.#next = from
    this.#unsubscribe = log.onAppend(() => this.#fetch())
    link.process.onDeath(() => this.#end())
    this.#fetch()
  }

  seek(offset: number): void {
    this.#next = offset
    this.#fetch()
  }

  async close(): Promise<void> {
    this.#end()
    await this.#delivering
  }

  #end(): void {
    this.#closed = true
    this.#unsubscribe()
  }

  /** A fetch stands at the broker whenever the last one's records are dealt with. */
  #fetch(): void {
    if (this.#fetching || this.#delivering || this.#closed || this.#next >= this.#log.records.length) return
    this.#fetching = true
    const { network, weather, random } = this.#link.options
    const { kernel } = network
    const blockedMs = Math.max(this.#link.blockedUntilMs, this.#link.answersBlockedUntilMs)
    if (blockedMs === Number.POSITIVE_INFINITY) return // its machine is off
    const asked = this.#next
    const waitMs = Math.max(0, blockedMs - kernel.nowMs) * (1 + random() * 0.1)
    kernel.in(waitMs + network.delayMs() + random() * weather.tailDelayMs, () => {
      if (kernel.nowMs < Math.max(this.#link.blockedUntilMs, this.#link.answersBlockedUntilMs)) {
        this.#fetching = false
        return this.#fetch()
      }
      this.#link.process.take(() => this.#deliver(asked))
    })
  }

  /** A seek meanwhile does not call back what is under way: it comes, and then what was sought. */
  #deliver(asked: number): void {
    this.#fetching = false
    if (this.#closed) return
    // What was truncated is passed over in silence, as kafkajs does: a reader must notice by the offsets.
    const from = Math.max(asked, this.#log.first)
    const records: JournalRecord[] = this.#log.records
      .slice(from, from + batchMax)
      .map((value, index) => ({ offset: from + index, value }))
    if (records.length === 0) return this.#fetch()
    if (asked === this.#next) this.#next = from + records.length
    const delivered = Promise.resolve(this.#onRecords(records))
    this.#delivering = delivered.then(() => {
      this.#delivering = null
      this.#fetch()
    })
  }
}
