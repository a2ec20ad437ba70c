/** The test client: sends operations in an open loop, records what it was promised, reads back and verifies. */
import { randomBytes } from 'node:crypto'
import { unixNowMs } from './clock.ts'
import { Connection, type Reply } from './connection.ts'
import type { Finding } from './findings.ts'
import { outcomeOf, requestOf } from './http-operations.ts'
import { OpenLoop } from './open-loop.ts'
import { type FinalState, type HistoryEntry, isWrite, type Operation } from './operations.ts'
import { readBack } from './read-back.ts'
import { type LoadReport, reportOf } from './report.ts'
import { verify } from './verify.ts'
import { Workload } from './workload.ts'

export interface LoadSettings {
  /** Base URL of the service, such as `http://127.0.0.1:8080`. */
  target: string
  /** Intended requests per second. */
  rate: number
  /** Connections, each with one request at a time. */
  clients: number
  /** How long to send, milliseconds; `Infinity` sends until the signal of `run`. */
  durationMs: number
  /** Share of writes, from 0 to 1. */
  writeRatio: number
  /** Which operations come in which order. */
  seed: number
  /** True sends an Idempotency-Key with each write; without it exactly-once is the balancer's own doing. */
  keys: boolean
  /** How long an answer may take, milliseconds. */
  timeoutMs: number
}

/** A good answer, as it comes in. */
export interface GoodAnswer {
  /** When it was complete, Unix milliseconds. */
  atMs: number
  backend: string
  epoch: number
}

/** Where a run stands. */
export interface LoadProgress {
  requests: number
  ok: number
  errors: number
  waiting: number
  backend: string
  epoch: number
}

export interface LoadResult {
  report: LoadReport
  findings: Finding[]
  history: HistoryEntry[]
  /** Why nothing could be verified, if so; counted in the report as `READ_BACK_FAILED`. */
  readBackError?: Error
}

/** Longest sleep of the sending loop, milliseconds: how late it may see that it should end. */
const sleepMaxMs = 50

export function createLoad(settings: LoadSettings): Load {
  return new Load(settings)
}

export class Load {
  readonly #settings: LoadSettings
  readonly #run: string
  readonly #workload: Workload
  readonly #connections: Connection[]
  readonly #history: HistoryEntry[] = []
  readonly #listeners: ((answer: GoodAnswer) => void)[] = []
  #loop: OpenLoop
  #inFlight = 0
  #sent = 0
  #abandoned = 0
  #ok = 0
  #last: GoodAnswer = { atMs: 0, backend: '', epoch: 0 }
  #wake: () => void = () => {}

  constructor(settings: LoadSettings) {
    this.#settings = settings
    // Random, so that a run with the same seed on the same journal does not meet the keys of the one before.
    this.#run = `load-${randomBytes(6).toString('hex')}`
    this.#workload = new Workload({ run: this.#run, seed: settings.seed, writeRatio: settings.writeRatio })
    this.#connections = Array.from(
      { length: settings.clients },
      () => new Connection(settings.target, settings.timeoutMs),
    )
    this.#loop = this.#openLoop()
  }

  /** Calls `listener` with every good answer, in the order in which they came. */
  onAnswer(listener: (answer: GoodAnswer) => void): void {
    this.#listeners.push(listener)
  }

  progress(): LoadProgress {
    const { backend, epoch } = this.#last
    const requests = this.#history.length
    const waiting = this.#loop.waiting(unixNowMs())
    return { requests, ok: this.#ok, errors: requests - this.#ok, waiting, backend, epoch }
  }

  /** Sends until the duration is over or `signal` is aborted, waits for what is under way, reads back and verifies. */
  async run(signal: AbortSignal): Promise<LoadResult> {
    this.#loop = this.#openLoop()
    const stop = () => {
      this.#loop.end(unixNowMs())
      this.#wake()
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      await this.#send()
      return await this.#judge()
    } finally {
      signal.removeEventListener('abort', stop)
      await Promise.all(this.#connections.map((connection) => connection.close()))
    }
  }

  #openLoop(): OpenLoop {
    const { rate, durationMs, clients } = this.#settings
    return new OpenLoop({ ratePerSecond: rate, durationMs, clients }, unixNowMs())
  }

  async #send(): Promise<void> {
    let sentAllMs = Number.POSITIVE_INFINITY
    for (;;) {
      const nowMs = unixNowMs()
      for (let next = this.#loop.take(nowMs); next; next = this.#loop.take(nowMs))
        void this.#perform(next.client, next.intendedMs)
      if (this.#loop.exhausted && this.#inFlight === 0) return
      // What is still queued when sending should have ended gets as long as one answer may take.
      if (this.#ended(nowMs)) sentAllMs = Math.min(sentAllMs, nowMs)
      if (nowMs - sentAllMs > this.#settings.timeoutMs) this.#abandoned += this.#loop.abandon(nowMs)
      await this.#sleep(Math.min(sleepMaxMs, (this.#loop.nextMs() ?? nowMs + sleepMaxMs) - nowMs))
    }
  }

  #ended(nowMs: number): boolean {
    return this.#loop.intendedBy(nowMs) === this.#loop.intendedBy(Number.MAX_SAFE_INTEGER)
  }

  /** Until `delayMs` is over or an answer came. */
  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #perform(client: number, intendedMs: number): Promise<void> {
    const operation = this.#workload.next()
    const key = this.#settings.keys && isWrite(operation) ? `${this.#run}-${this.#sent}` : undefined
    const startMs = unixNowMs()
    this.#inFlight++
    this.#sent++
    const reply = await this.#connections[client]!.send(requestOf(operation), key)
    this.#inFlight--
    this.#loop.release(client)
    this.#record(entryOf(operation, reply, { intendedMs, startMs, endMs: unixNowMs() }))
    if (this.#loop.nextMs() === undefined || this.#loop.nextMs()! <= unixNowMs()) this.#wake()
  }

  #record(entry: HistoryEntry): void {
    this.#history.push(entry)
    this.#workload.learn(entry)
    if (entry.outcome.type !== 'answered') return
    this.#ok++
    this.#last = { atMs: entry.endMs, backend: entry.backend, epoch: entry.epoch }
    for (const listener of this.#listeners) listener(this.#last)
  }

  async #judge(): Promise<LoadResult> {
    const history = this.#history
    const abandoned = this.#abandoned
    try {
      const findings = verify(history, await this.#readBack())
      return { report: reportOf({ history, findings, abandoned }), findings, history }
    } catch (error) {
      // Without it nothing is verified, and the report must not look as if it were.
      const report = reportOf({ history, findings: [], abandoned, readBackFailed: true })
      return { report, findings: [], history, readBackError: error as Error }
    }
  }

  #readBack(): Promise<FinalState> {
    const operations = this.#history.map(({ operation }) => operation)
    const counters = new Set(operations.flatMap((operation) => ('counter' in operation ? [operation.counter] : [])))
    const registers = new Set(operations.flatMap((operation) => ('register' in operation ? [operation.register] : [])))
    return readBack({ connection: this.#connections[0]!, run: this.#run, counters, registers })
  }
}

type Times = Pick<HistoryEntry, 'intendedMs' | 'startMs' | 'endMs'>

function entryOf(operation: Operation, reply: Reply, times: Times): HistoryEntry {
  if (reply.type === 'failure') {
    const outcome = { type: isRefused(reply.code) ? 'not-applied' : 'unknown', code: reply.code } as const
    return { operation, ...times, outcome, status: 0, backend: '', epoch: 0, replays: 0 }
  }
  const { status, text, backend, epoch, replays } = reply
  return { operation, ...times, outcome: outcomeOf(operation, status, text), status, backend, epoch, replays }
}

/** True if no connection came about, so that nothing can have been sent. */
function isRefused(code: string): boolean {
  return code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT'
}
