/** The parent's side of one worker: its process, what it is told, and what it tells. */
import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BalancerErrorCode } from '../errors.ts'
import { type Counted, nothingCounted } from '../figures.ts'
import type { MetricsAsJson } from '../metrics.ts'
import type { FromWorker, ToWorker, View } from './messages.ts'

const module = fileURLToPath(new URL(`./worker-main${extname(import.meta.url)}`, import.meta.url))
/** A worker that hangs is counted without: what it counted last. Milliseconds. */
const countTimeoutMs = 1_000
/** So many pings in a row without a word, and it hangs. */
const unansweredPingsMax = 10

export interface WorkerListener {
  listening(port: number): void
  report(message: FromWorker & { type: 'report' | 'seen' | 'first-answer' }): void
  /** Once, at the end. */
  exited(reason: string, refusal: { code: BalancerErrorCode; message: string } | undefined): void
}

export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #viewNow: () => View
  /** What of the view it has not been told yet, because it still starts, or reads what it was told before. */
  readonly #news = new Set<keyof View>()
  #reading = true
  #unanswered = 0
  #counts = 0
  #counting: { id: number; done: () => void } | undefined
  /** As it told them last. */
  metrics: MetricsAsJson = []
  /** As it told it last. */
  tally: Counted = nothingCounted

  constructor(begin: Omit<ToWorker & { type: 'begin' }, 'type' | 'view'>, view: () => View, listener: WorkerListener) {
    this.#viewNow = view
    this.#child = fork(module, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let refusal: { code: BalancerErrorCode; message: string } | undefined
    this.#child.on('message', (message: FromWorker) => {
      this.#unanswered = 0
      if (message.type === 'listening') this.#listens(message.port, listener)
      else if (message.type === 'refused') refusal = message
      else if (message.type === 'counted') this.#counted(message)
      else if (message.type === 'tally') this.tally = message.counted
      else if (message.type !== 'pong') listener.report(message)
    })
    let ended = false
    const exited = (reason: string) => {
      if (ended) return
      ended = true
      this.#counting?.done()
      listener.exited(reason, refusal)
    }
    this.#child.once('exit', (code, signal) =>
      exited(signal ? `was killed by ${signal}` : `ended with exit code ${code}`),
    )
    this.#child.on('error', (error) => {
      if (this.#child.pid === undefined) exited(`could not be started: ${error.message}`)
    })
    this.#send({ type: 'begin', ...begin, view: view() })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Tells it the newest of these, now or as soon as it has read what it was told before: nothing queues up for one that hangs. */
  tell(...changed: (keyof View)[]): void {
    for (const key of changed) this.#news.add(key)
    if (this.#reading || this.#news.size === 0) return
    const now = this.#viewNow()
    const view = Object.fromEntries([...this.#news].map((key) => [key, now[key]]))
    this.#news.clear()
    this.#reading = true
    this.#send({ type: 'view', view }, () => this.#read())
  }

  /** Asks whether it is still there. False if it did not say a word for so many times that it hangs. */
  ping(): boolean {
    this.#unanswered += 1
    if (this.#unanswered > unansweredPingsMax) return false
    this.#send({ type: 'ping' })
    return true
  }

  /** Resolves once `metrics` are of now, or it took too long to tell. */
  async count(): Promise<void> {
    if (this.#counting) return
    const id = ++this.#counts
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => done(), countTimeoutMs)
      const done = () => {
        clearTimeout(timer)
        this.#counting = undefined
        resolve()
      }
      this.#counting = { id, done }
      this.#send({ type: 'count', id })
    })
  }

  /** Asks for `tally`, which comes when it comes. */
  askTally(): void {
    this.#send({ type: 'tally' })
  }

  stop(): void {
    this.#send({ type: 'stop' })
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #listens(port: number, listener: WorkerListener): void {
    listener.listening(port)
    this.#read()
  }

  #read(): void {
    this.#reading = false
    this.tell()
  }

  #counted({ id, metrics }: FromWorker & { type: 'counted' }): void {
    if (id < this.#counts) return
    this.metrics = metrics
    if (this.#counting?.id === id) this.#counting.done()
  }

  /** One that is gone is noticed by its end. */
  #send(message: ToWorker, sent: () => void = () => undefined): void {
    if (this.#child.connected) this.#child.send(message, sent)
  }
}
