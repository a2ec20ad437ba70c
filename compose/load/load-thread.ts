/** A load in a worker thread: what it was answered is known here within a few tens of milliseconds. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Finding } from './findings.ts'
import type { GoodAnswer, LoadProgress, LoadSettings } from './load.ts'
import { longestPauseMs } from './pauses.ts'
import type { LoadReport } from './report.ts'

export interface LoadThreadResult {
  report: LoadReport
  findings: Finding[]
  /** Why nothing could be verified, if so. */
  readBackError?: string
}

/** What the thread says. */
export type FromLoadThread =
  | { type: 'answers'; answers: GoodAnswer[] }
  | { type: 'progress'; progress: LoadProgress }
  | { type: 'result'; result: LoadThreadResult }

/** Times of answers that are kept: minutes of them, and pauses are asked for within seconds. */
const answersMax = 1_000_000

export class LoadThread {
  readonly #worker: Worker
  readonly #answersMs: number[] = []
  /** The first good answer of each epoch. */
  readonly #firstOfEpoch = new Map<number, GoodAnswer>()
  readonly #result = Promise.withResolvers<LoadThreadResult>()
  #progress: LoadProgress = { requests: 0, ok: 0, errors: 0, waiting: 0, backend: '', epoch: 0, backends: {} }

  constructor(settings: LoadSettings) {
    this.#result.promise.catch(() => {}) // asked for at the end only
    this.#worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), { workerData: settings })
    this.#worker.on('message', (message: FromLoadThread) => this.#hear(message))
    this.#worker.on('error', (error) => this.#result.reject(error))
    this.#worker.on('exit', (code) => this.#result.reject(new Error(`the load ended early, with code ${code}`)))
  }

  get progress(): LoadProgress {
    return this.#progress
  }

  /** Rejects if the thread dies; never resolves. */
  async failed(): Promise<never> {
    await this.#result.promise
    return new Promise(() => {})
  }

  /** The first good answer given under an epoch above `epoch`. */
  firstAbove(epoch: number): GoodAnswer | undefined {
    const found = [...this.#firstOfEpoch.values()].filter((answer) => answer.epoch > epoch)
    return found.sort((left, right) => left.atMs - right.atMs)[0]
  }

  /** Longest gap between successive good answers that overlaps the time given, milliseconds. */
  pauseMs(fromMs: number, toMs: number): number {
    return longestPauseMs(this.#answersMs, fromMs, toMs)
  }

  /** Ends the sending; resolves when everything sent is answered and verified. */
  async stop(): Promise<LoadThreadResult> {
    this.#worker.postMessage('stop')
    return this.#result.promise
  }

  /** Ends it at once, without a result. */
  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  #hear(message: FromLoadThread): void {
    if (message.type === 'result') this.#result.resolve(message.result)
    if (message.type === 'progress') this.#progress = message.progress
    if (message.type !== 'answers') return
    for (const answer of message.answers) {
      this.#answersMs.push(answer.atMs)
      if (!this.#firstOfEpoch.has(answer.epoch)) this.#firstOfEpoch.set(answer.epoch, answer)
    }
    if (this.#answersMs.length > answersMax) this.#answersMs.splice(0, answersMax / 2)
  }
}
