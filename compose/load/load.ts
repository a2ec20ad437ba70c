/** The test client: sends operations in an open loop, records what it was promised, reads back and verifies. */
import { randomBytes } from 'node:crypto'
import { unixNowMs } from './clock.ts'
import { Connection } from './connection.ts'
import type { Finding } from './findings.ts'
import { OpenLoop } from './open-loop.ts'
import { type PlainRequest, PlainTraffic } from './plain-traffic.ts'
import { lanes } from './read-back.ts'
import { type LoadReport, reportOf } from './report.ts'
import { type Judged, Tally } from './tally.ts'
import { TicketOfficeTraffic } from './ticket-office-traffic.ts'
import type { Traffic } from './traffic.ts'

export interface LoadSettings {
  /** Base URL of the service, such as `http://127.0.0.1:8080`; more than one if it has several balancers. */
  target: string | readonly string[]
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
  /** What is sent instead of the ticket office's mix; `writeRatio` and `keys` are the mix's. */
  request?: PlainRequest | undefined
  /** Operations of the mix whose history is kept until it is verified; default 100,000. */
  chapterOperations?: number
  /** True gives seats back once they were verified: a run of any length leaves little behind. */
  tidy?: boolean
}

/** A good answer, as it comes in. */
export interface GoodAnswer {
  /** When it was complete, Unix milliseconds. */
  atMs: number
  /** Since it was due, milliseconds. */
  latencyMs: number
  backend: string
  epoch: number
  /** How often the request had to be sent again. */
  replays: number
}

/** Where a run stands. */
export interface LoadProgress {
  requests: number
  ok: number
  errors: number
  waiting: number
  /** Of the last good answer. */
  backend: string
  epoch: number
  /** Good answers by backend, the most first. */
  backends: Record<string, number>
}

export interface LoadResult {
  report: LoadReport
  findings: Finding[]
  /** All that was counted, also over time. */
  tally: Tally
  /** Why something could not be verified, if so; counted in the report as `READ_BACK_FAILED`. */
  readBackError?: Error
}

/** What a request says of its backend that got no answer. */
const noReply = { backend: '', epoch: 0, replays: 0 } as const
/** Longest sleep of the sending loop, milliseconds: how late it may see that it should end. */
const sleepMaxMs = 50

export function createLoad(settings: LoadSettings): Load {
  return new Load(settings)
}

export class Load {
  readonly #settings: LoadSettings
  readonly #traffic: Traffic
  readonly #connections: Connection[]
  #tally: Tally
  readonly #listeners: ((answer: GoodAnswer) => void)[] = []
  #loop: OpenLoop
  #inFlight = 0
  #abandoned = 0
  #last: GoodAnswer = { atMs: 0, latencyMs: 0, backend: '', epoch: 0, replays: 0 }
  #wake: () => void = () => {}

  constructor(settings: LoadSettings) {
    this.#settings = settings
    this.#traffic = trafficOf(settings)
    this.#tally = new Tally(unixNowMs())
    this.#connections = Array.from(
      { length: settings.clients },
      (_, first) => new Connection(settings.target, settings.timeoutMs, { first }),
    )
    this.#loop = this.#openLoop()
  }

  /** Calls `listener` with every good answer, in the order in which they came. */
  onAnswer(listener: (answer: GoodAnswer) => void): void {
    this.#listeners.push(listener)
  }

  progress(): LoadProgress {
    const { backend, epoch } = this.#last
    const { ok, failed, backends } = this.#tally
    const waiting = this.#loop.waiting(unixNowMs())
    return { requests: ok + failed, ok, errors: failed, waiting, backend, epoch, backends }
  }

  /** Sends until the duration is over or `signal` is aborted, waits for what is under way, reads back and verifies. */
  async run(signal: AbortSignal): Promise<LoadResult> {
    this.#loop = this.#openLoop()
    this.#tally = new Tally(unixNowMs())
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
      await Promise.all([this.#traffic.close(), ...this.#connections.map((connection) => connection.close())])
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
    const sending = this.#traffic.next()
    const startMs = unixNowMs()
    this.#inFlight++
    const reply = await this.#connections[client]!.send(sending.request, sending.headers)
    this.#inFlight--
    this.#loop.release(client)
    const endMs = unixNowMs()
    const error = sending.settle(reply, { intendedMs, startMs, endMs })
    const { backend, epoch, replays } = reply.type === 'response' ? reply : noReply
    this.#count({ intendedMs, endMs, error, backend, epoch }, replays)
    if (this.#loop.nextMs() === undefined || this.#loop.nextMs()! <= unixNowMs()) this.#wake()
  }

  #count(judged: Judged, replays: number): void {
    this.#tally.add(judged)
    if (judged.error !== undefined) return
    const { intendedMs, endMs: atMs, backend, epoch } = judged
    this.#last = { atMs, latencyMs: atMs - intendedMs, backend, epoch, replays }
    for (const listener of this.#listeners) listener(this.#last)
  }

  async #judge(): Promise<LoadResult> {
    const { findings, readBackFailures, readBackError } = await this.#traffic.verify(this.#connections[0]!)
    const tally = this.#tally
    const report = reportOf({ tally, findings, abandoned: this.#abandoned, readBackFailures })
    return { report, findings, tally, ...(readBackError ? { readBackError } : {}) }
  }
}

function trafficOf(settings: LoadSettings): Traffic {
  const { target, timeoutMs, request, seed, writeRatio, keys, chapterOperations, tidy = false } = settings
  if (request) return new PlainTraffic(request, seed)
  // Random, so that a run with the same seed on the same journal does not meet the keys of the one before.
  const run = `load-${randomBytes(6).toString('hex')}`
  const reader = new Connection(target, timeoutMs, { count: lanes })
  const chapters = chapterOperations === undefined ? {} : { chapterOperations }
  return new TicketOfficeTraffic({ run, seed, writeRatio, keys, reader, tidy, ...chapters })
}
