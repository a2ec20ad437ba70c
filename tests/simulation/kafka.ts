/**
 * Kafka as the simulated world has it: logs and a compacted store that all processes share, and between them and each process a network in
 * which a request may be late, an answer lost, and an append land long after its writer gave it up. The ports are those of
 * `checkpoint/journal.ts` and `checkpoint/snapshot-store.ts`; what stands behind them keeps their contracts, at their worst.
 */
import { CheckpointError } from '../../checkpoint/errors.ts'
import type { Network } from './network.ts'
import type { SimProcess } from './process.ts'
import type { Random } from './random.ts'

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

/** What a request that was not answered ends with. */
export function unreachable(what: string): CheckpointError {
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
