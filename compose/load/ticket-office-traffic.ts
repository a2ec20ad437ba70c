/**
 * The checked mix of the ticket office, in chapters: the history of a chapter is verified while the next one is sent, and forgotten, so
 * that a run may last. At the end it is checked that what was verified then is still there.
 */

import { Chapter } from './chapter.ts'
import { type Connection, isRefused, type Reply } from './connection.ts'
import { type Finding, finding } from './findings.ts'
import { outcomeOf, requestOf } from './http-operations.ts'
import { type HistoryEntry, isWrite, type Operation } from './operations.ts'
import type { Sending, Times, Traffic, Verdict } from './traffic.ts'

/** Operations of one chapter; each takes about half a kilobyte until verified. */
const chapterOperationsDefault = 100_000
/** Operations of chapters that may wait to be verified; what is more is given up, and counted as not verified. */
const waitingOperationsMaxDefault = 400_000
/** Findings that are kept with their words; the rest is only counted, by kind. */
const findingsMax = 1_000

export interface TicketOfficeOptions {
  /** Begins every key. Letters, digits and `-`. */
  run: string
  seed: number
  writeRatio: number
  /** True sends an Idempotency-Key with each write. */
  keys: boolean
  chapterOperations?: number
  waitingOperationsMax?: number
  /** True gives the seats of a chapter back once it is verified, so that the state does not grow with the run. */
  tidy?: boolean
  /** What chapters are read back with while the load goes on; closed with the traffic. */
  reader: Pick<Connection, 'send' | 'close'>
}

export class TicketOfficeTraffic implements Traffic {
  readonly #options: TicketOfficeOptions
  readonly #chapterOperations: number
  readonly #waitingOperationsMax: number
  readonly #done: Chapter[] = []
  readonly #findings: Finding[] = []
  #chapter: Chapter
  #chapters = 0
  #waitingOperations = 0
  #verified: Promise<void> = Promise.resolve()
  #sent = 0
  #readBackError: Error | undefined
  #readBackFailures = 0
  #closed = false

  constructor(options: TicketOfficeOptions) {
    this.#options = options
    this.#chapterOperations = options.chapterOperations ?? chapterOperationsDefault
    this.#waitingOperationsMax = options.waitingOperationsMax ?? waitingOperationsMaxDefault
    this.#chapter = this.#newChapter()
  }

  next(): Sending {
    if (this.#chapter.begun >= this.#chapterOperations) this.#turnThePage()
    const chapter = this.#chapter
    const operation = chapter.begin()
    const key = this.#options.keys && isWrite(operation) ? `${this.#options.run}-${this.#sent}` : undefined
    this.#sent++
    return {
      request: requestOf(operation),
      headers: key === undefined ? [] : ['idempotency-key', key],
      settle: (reply, times) => {
        const entry = entryOf(operation, reply, times)
        chapter.settle(entry)
        return entry.outcome.type === 'answered' ? undefined : entry.outcome.code
      },
    }
  }

  async verify(connection: Pick<Connection, 'send'>): Promise<Verdict> {
    await this.#verified
    await this.#attempt(async () => this.#keep(await this.#chapter.verify(connection, false)))
    for (const chapter of this.#done) await this.#attempt(async () => this.#keep(await chapter.verifyAgain(connection)))
    const readBackError = this.#readBackError
    const readBackFailures = this.#readBackFailures
    return { findings: this.#findings, readBackFailures, ...(readBackError ? { readBackError } : {}) }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#options.reader.close()
  }

  #newChapter(): Chapter {
    const { run, seed, writeRatio } = this.#options
    return new Chapter({ prefix: `${run}-${++this.#chapters}`, seed: (seed + this.#chapters - 1) >>> 0, writeRatio })
  }

  #turnThePage(): void {
    const chapter = this.#chapter
    this.#chapter = this.#newChapter()
    const settled = chapter.close()
    if (this.#waitingOperations + chapter.begun > this.#waitingOperationsMax) {
      this.#notVerified(new Error('answers came faster than they could be verified'))
      return
    }
    this.#waitingOperations += chapter.begun
    this.#verified = this.#verified.then(async () => {
      await settled
      await this.#attempt(async () => {
        this.#keep(await chapter.verify(this.#options.reader, true))
        if (this.#options.tidy) await chapter.giveBack(this.#options.reader)
      })
      this.#done.push(chapter)
      this.#waitingOperations -= chapter.begun
    })
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    if (this.#closed) return
    await step().catch((error: Error) => this.#notVerified(error))
  }

  #notVerified(error: Error): void {
    this.#readBackError ??= error
    this.#readBackFailures++
  }

  #keep(findings: Finding[]): void {
    for (const found of findings) {
      if (this.#findings.length < findingsMax) {
        this.#findings.push(found)
        continue
      }
      const rest = this.#findings.find(({ kind, key }) => kind === found.kind && key === 'others')
      if (rest) rest.count += found.count
      else this.#findings.push(finding(found.kind, 'others', 'more of the same', found.count))
    }
  }
}

function entryOf(operation: Operation, reply: Reply, times: Times): HistoryEntry {
  if (reply.type === 'failure') {
    const outcome = { type: isRefused(reply.code) ? 'not-applied' : 'unknown', code: reply.code } as const
    return { operation, ...times, outcome, status: 0, backend: '', epoch: 0, replays: 0 }
  }
  const { status, text, backend, epoch, replays } = reply
  return { operation, ...times, outcome: outcomeOf(operation, status, text), status, backend, epoch, replays }
}
