/**
 * Keeps a standby's producer warm with void records: brokers close connections idle for ten minutes, and a successor's first append must
 * not wait for a connection, or for its code to be compiled. A commit of reign 0.0 is void for every reader.
 */
import type { Logger } from 'pino'
import type { Journal } from './journal.ts'
import { encodeCommit, recordVersion } from './record.ts'

export interface ProducerWarmthOptions {
  readonly journal: Journal
  readonly incarnation: string
  readonly log: Logger
  readonly appendDeadlineMs: number
  /** The digest of what was read. */
  readonly digest: () => string
  /** True while this process is a standby: nobody else has time for it. */
  readonly isStandby: () => boolean
}

/** So often, milliseconds. */
const warmMs = 60_000
/** And by so many records when it has caught up: the first connects, the others have its code compiled. */
const warmRecords = 10

export class ProducerWarmth {
  readonly #options: ProducerWarmthOptions
  #warmAtMs = 0

  constructor(options: ProducerWarmthOptions) {
    this.#options = options
  }

  /** The journal was read to its end. */
  caughtUp(nowMs: number): void {
    void this.#warm(warmRecords, nowMs)
  }

  /** To be called now and then. */
  keep(nowMs: number): void {
    if (nowMs - this.#warmAtMs > warmMs) void this.#warm(1, nowMs)
  }

  async #warm(records: number, nowMs: number): Promise<void> {
    const { journal, incarnation, appendDeadlineMs, digest, isStandby, log } = this.#options
    this.#warmAtMs = nowMs
    const head = { type: 'commit', version: recordVersion, reign: [0, 0], at: 0 } as const
    try {
      for (let count = 0; count < records && isStandby(); count++) {
        await journal.append(encodeCommit({ ...head, incarnation, digest: digest() }, []), appendDeadlineMs)
      }
    } catch (error) {
      log.debug({ err: error }, 'the producer could not be warmed')
    }
  }
}
