/** Keeps a balancer's workers running on one port, and tells all of them the same. A shell around the core in `replicas/keeper.ts`. */
import type { Logger } from 'pino'
import type { BalancerOptions } from '../config.ts'
import { BalancerError, balancerErrors } from '../errors.ts'
import { type Counted, nothingCounted, sumOf } from '../figures.ts'
import type { MetricsAsJson } from '../metrics.ts'
import { defaultKeeperSettings, Keeper, type KeeperEffect, type KeeperEvent } from '../replicas/keeper.ts'
import type { FromWorker, View } from './messages.ts'
import { optionsOfWorker } from './shares.ts'
import { WorkerProcess } from './worker-process.ts'

/** How often each worker is asked whether it is there, unless a test says otherwise. Milliseconds. */
const pingIntervalMs = 1_000
/** An answer takes a moment, milliseconds: all are read at once, or each reading would be of another time. */
const tallyWaitMs = 50
/** Longer than a worker's own deadline for what is under way, so that this is the last resort. Milliseconds. */
const stopGraceMs = 7_000

export interface WorkerSetOptions {
  readonly options: BalancerOptions
  readonly view: () => View
  readonly log: Logger
  /** Monotonic time, milliseconds. */
  readonly now: () => number
  readonly pingIntervalMs?: number
  /** What a worker has to say to the receivers. */
  report(message: FromWorker & { type: 'report' | 'seen' | 'first-answer' }): void
  /** The last metrics of a worker that is gone. */
  departed(metrics: MetricsAsJson): void
  /** No worker is left, and none will be started any more. */
  failed(error: BalancerError): void
}

export class WorkerSet {
  readonly #options: WorkerSetOptions
  readonly #keeper = new Keeper(defaultKeeperSettings)
  readonly #running = new Map<string, WorkerProcess>()
  readonly #listening = new Set<string>()
  readonly #names: readonly string[]
  readonly #pings: NodeJS.Timeout
  #port: number
  #tick: NodeJS.Timeout | undefined
  /** Waiting for the first word of a worker: that it listens, or why not. */
  readonly #firstWords = new Map<string, (error?: BalancerError) => void>()
  #allGone: (() => void) | undefined
  #closed = false
  /** What those counted that are gone. */
  #departed = nothingCounted

  constructor(options: WorkerSetOptions) {
    this.#options = options
    this.#port = options.options.port
    this.#names = Array.from({ length: options.options.workers }, (_, index) => String(index + 1))
    this.#pings = setInterval(() => this.#ping(), options.pingIntervalMs ?? pingIntervalMs)
  }

  /** Starts the first worker, then the others on its port; resolves with the port. Rejects if the first cannot listen. */
  async start(): Promise<number> {
    const [first, ...others] = this.#names as [string, ...string[]]
    await this.#begin(first)
    // A worker that fails later is started again, as after a crash.
    await Promise.all(others.map((name) => this.#begin(name).catch(() => undefined)))
    return this.#port
  }

  /** Workers that take connections. */
  get listening(): number {
    return this.#listening.size
  }

  tell(...changed: (keyof View)[]): void {
    for (const worker of this.#running.values()) worker.tell(...changed)
  }

  /** What each counted until now; of one that hangs, what it told last. */
  async metrics(): Promise<MetricsAsJson[]> {
    const workers = [...this.#running.values()]
    await Promise.all(workers.map((worker) => worker.count()))
    return workers.map(({ metrics }) => metrics)
  }

  /** What all of them counted until now, those that are gone too; of one that hangs, what it told last. */
  async tally(): Promise<Counted> {
    for (const worker of this.#running.values()) worker.askTally()
    await new Promise((resolve) => setTimeout(resolve, tallyWaitMs))
    return [...this.#running.values()].reduce((sum, { tally }) => sumOf(sum, tally), this.#departed)
  }

  /** Ends all in order; those that take too long are killed. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#tick)
    clearInterval(this.#pings)
    const gone = new Promise<void>((resolve) => {
      this.#allGone = resolve
    })
    this.#take({ type: 'end' })
    if (this.#running.size === 0) return
    const insist = setTimeout(() => {
      for (const worker of this.#running.values()) worker.kill()
    }, stopGraceMs)
    await gone
    clearTimeout(insist)
  }

  #begin(name: string): Promise<void> {
    const word = new Promise<void>((resolve, reject) => {
      this.#firstWords.set(name, (error) => (error ? reject(error) : resolve()))
    })
    this.#take({ type: 'add', names: [name] })
    return word
  }

  #take(event: KeeperEvent): void {
    for (const effect of this.#keeper.take(event, this.#options.now())) this.#do(effect)
    clearTimeout(this.#tick)
    const dueMs = this.#keeper.nextTickMs - this.#options.now()
    if (Number.isFinite(dueMs) && !this.#closed)
      this.#tick = setTimeout(() => this.#take({ type: 'tick' }), Math.max(0, dueMs))
  }

  #do(effect: KeeperEffect): void {
    const { log, failed } = this.#options
    const { name } = effect
    switch (effect.type) {
      case 'spawn':
        return this.#spawn(name, effect.run)
      case 'join': {
        this.#listening.add(name)
        const workerPid = this.#running.get(name)?.pid
        log.info(
          { event: 'worker', worker: name, workerPid, from: 'starting', to: 'listening' },
          `worker ${name} listens`,
        )
        return this.#hearFirst(name)
      }
      case 'leave':
        return void this.#listening.delete(name)
      case 'stop':
        return effect.why === 'removed' ? this.#running.get(name)?.stop() : this.#running.get(name)?.kill()
      case 'crashed': {
        const { reason, crashes, delayMs } = effect
        const fields = { event: 'worker', worker: name, from: 'listening', to: 'waiting', reason, crashes, delayMs }
        return log.error(fields, `worker ${name} ${reason}; it is started again in ${delayMs} ms`)
      }
      case 'gave up': {
        const { reason, crashes } = effect
        const fields = { event: 'worker', worker: name, to: 'given up', reason, crashes }
        log.error(fields, `worker ${name} ${reason}, crash number ${crashes}: it is given up`)
        if (this.#keeper.names.length === 0)
          failed(new BalancerError('WORKERS_FAILED', balancerErrors.WORKERS_FAILED(reason)))
      }
    }
  }

  #spawn(name: string, run: number): void {
    const { options, view, report, departed } = this.#options
    const begin = { name, options: optionsOfWorker(options, options.workers), port: this.#port }
    const worker = new WorkerProcess(begin, view, {
      listening: (port) => {
        this.#port = port
        this.#take({ type: 'ready', name, run })
      },
      report,
      exited: (reason, refusal) => {
        this.#running.delete(name)
        departed(worker.metrics)
        this.#departed = sumOf(this.#departed, { ...worker.tally, held: 0 })
        const why = refusal ? `does not listen: ${refusal.message}` : reason
        const { code, message } = refusal ?? {
          code: 'WORKERS_FAILED' as const,
          message: balancerErrors.WORKERS_FAILED(why),
        }
        this.#hearFirst(name, new BalancerError(code, message))
        this.#take({ type: 'exited', name, run, reason: why })
        if (this.#running.size === 0) this.#allGone?.()
      },
    })
    this.#running.set(name, worker)
  }

  #hearFirst(name: string, error?: BalancerError): void {
    this.#firstWords.get(name)?.(error)
    this.#firstWords.delete(name)
  }

  #ping(): void {
    for (const [name, worker] of this.#running) {
      if (!this.#listening.has(name) || worker.ping()) continue
      this.#options.log.error(
        { event: 'worker', worker: name, workerPid: worker.pid, reason: 'hangs' },
        `worker ${name} hangs and is killed`,
      )
      worker.kill()
    }
  }
}
