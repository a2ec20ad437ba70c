/** A process's view of a log of the simulated brokers: the port of `checkpoint/journal.ts`, its contract kept at its worst. */
import { CheckpointError } from '../../checkpoint/errors.ts'
import type { Journal, JournalRecord, RecordListener, Tail } from '../../checkpoint/journal.ts'
import { BrokerLink, type BrokerOptions, type SimLog, unreachable } from './kafka.ts'
import type { SimProcess } from './process.ts'
import { chance, type Random, randomBelow } from './random.ts'

/** Most records of one fetch. */
const batchMax = 500

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
