/** A backend: a service whose state lives in a checkpoint, which follows the receivers' decisions. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Logger } from 'pino'
import {
  type Checkpoint,
  type CheckpointLimits,
  createCheckpoint,
  type Journal,
  journalPorts,
  type Routes,
  routes,
  type SnapshotStore,
} from '../checkpoint/index.ts'
import { libraryLogger } from '../checkpoint/logger.ts'
import { defaultBodyBytesMax } from '../checkpoint/route.ts'
import { type BackendOptions, type BackendSettings, backendOptions, limitsOf } from './config.ts'
import { BackendError } from './errors.ts'
import { type HeartbeatStatus, type Heartbeats, startHeartbeats } from './heartbeat-client.ts'
import { createHttpServer, listen } from './http-server.ts'
import { Metrics } from './metrics.ts'
import { createWarmUp } from './warm-up.ts'

/** A checkpoint with the HTTP side: `route` makes a handler that is exactly once. */
export type ServiceCheckpoint = Checkpoint & Pick<Routes, 'route'>

/** A service that follows the receivers' decisions, and serves when it is named. */
export interface Backend {
  /** As balancers and receivers know it. */
  readonly name: string
  /** The service's state. Its maps may be named before `start`. */
  readonly checkpoint: ServiceCheckpoint
  /** Serves `app` (an Express application or any handler), then joins the journal and the receivers. Resolves when it listens. */
  start(app: RequestListener): Promise<{ url: string; port: number }>
  /** Settles when the backend has ended; rejects if it must not go on, with an error whose message says why. */
  readonly done: Promise<void>
  /** Ends in good order: says goodbye, answers what it can, closes. */
  close(): Promise<void>
}

/** What a backend is given beside its options. */
export interface BackendDependencies {
  /** Default JSON lines on standard error, of `logLevel` and worse. */
  readonly log?: Logger
  /** Bounds of the checkpoint other than its defaults. */
  readonly limits?: Partial<CheckpointLimits>
  /** Most bytes of a JSON body that `checkpoint.route` reads where no middleware has; beyond it 413. Default 1 MiB. */
  readonly bodyBytesMax?: number
  /** Instead of the Kafka topic `PREFIX.journal.0`. */
  readonly journal?: Journal
  /** Where snapshots are kept if a `journal` is given; default: none are taken then. */
  readonly snapshots?: SnapshotStore
}

/** How long open connections may take to end at close, milliseconds. */
const closeDeadlineMs = 3_000
/** How long a leading backend that stops waits for its successor's claim, milliseconds. */
const handOverDeadlineMs = 2_000
const eventLoopResolutionMs = 10

/**
 * Makes a backend; nothing is opened before its `start`. Options that are left out have their defaults (`backendOptions`).
 * @throws BackendError OPTIONS_WRONG, CheckpointError OPTIONS_WRONG (limits) or JOURNAL_UNUSABLE, each with all that is wrong in one line.
 */
export function createBackend(options: BackendSettings & BackendDependencies): Backend {
  const { log, journal, snapshots, limits, bodyBytesMax, ...settings } = options
  const parsed = backendOptions.safeParse(settings)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw new BackendError('OPTIONS_WRONG', problems.join('; '))
  }
  return new RunningBackend({ ...options, ...parsed.data })
}

class RunningBackend implements Backend {
  readonly name: string
  readonly checkpoint: ServiceCheckpoint
  readonly done: Promise<void>
  readonly #options: BackendOptions & BackendDependencies
  readonly #incarnation = randomUUID()
  readonly #routes: Routes
  readonly #log: Logger
  readonly #eventLoopDelay = monitorEventLoopDelay({ resolution: eventLoopResolutionMs })
  readonly #metrics = new Metrics()
  readonly #ended = Promise.withResolvers<void>()
  #url: string
  #server: Server | null = null
  #heartbeats: Heartbeats | null = null
  #inFlight = 0
  #closing: Promise<void> | null = null

  constructor(options: BackendOptions & BackendDependencies) {
    const { host, port, kafka, topicPrefix, token } = options
    this.#options = options
    this.name =
      options.name ?? (port === 0 ? `${hostname()}:${this.#incarnation.slice(0, 8)}` : `${hostname()}:${port}`)
    this.#url = options.url ?? urlOf(host, port)
    this.#log = (options.log ?? libraryLogger(options.logLevel)).child({ backend: this.name })
    const { journal, snapshots } = options
    const ports = journal
      ? { journal, ...(snapshots && { snapshots }) }
      : journalPorts({ kafka, topic: `${topicPrefix}.journal.0`, clientId: this.name, log: this.#log })
    const checkpoint = createCheckpoint({
      ...ports,
      incarnation: this.#incarnation,
      node: this.name,
      url: () => this.#url,
      log: this.#log,
      limits: { ...limitsOf(options), ...options.limits },
    })
    const { bodyBytesMax = defaultBodyBytesMax } = options
    this.#routes = routes(checkpoint, { node: this.name, token, log: this.#log, bodyBytesMax })
    this.checkpoint = Object.assign(checkpoint, { route: this.#routes.route })
    this.done = this.#ended.promise
    this.done.catch(() => undefined) // whoever waits for it is told; nobody has to
    checkpoint.on('fatal', (error) => this.#fail(error))
    this.#metrics.watch(checkpoint)
  }

  async start(app: RequestListener): Promise<{ url: string; port: number }> {
    const warmUp = createWarmUp(randomUUID(), this.#log)
    const server = createHttpServer(app, {
      routes: this.#routes,
      warmUp,
      metrics: this.#metrics,
      token: this.#options.token,
      log: this.#log,
    })
    server.on('request', (_request, response) => {
      this.#inFlight++
      response.once('close', () => this.#inFlight--)
    })
    const port = await listen(server, {
      host: this.#options.host,
      port: this.#options.port,
      token: this.#options.token,
    })
    this.#server = server
    this.#url = this.#options.url ?? urlOf(this.#options.host, port)
    this.#eventLoopDelay.enable()
    this.#log.info(
      { event: 'listening', url: this.#url, incarnation: this.#incarnation },
      `${this.name} listens on ${this.#url}`,
    )
    const address = server.address() as AddressInfo
    warmUp.run(address.port, address.address).then(
      () => this.#join(),
      (error: unknown) => this.#fail(error),
    )
    return { url: this.#url, port }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().then(this.#ended.resolve, this.#ended.reject)
    return this.#closing
  }

  /** Only who is warm joins: it is not silent while it compiles, and may be named. */
  #join(): void {
    if (this.#closing) return
    this.#heartbeats = this.#startHeartbeats()
    this.checkpoint.on('phase', () => this.#heartbeats?.statusChanged())
    this.checkpoint.start().catch((error: unknown) => this.#fail(error))
  }

  #startHeartbeats(): Heartbeats {
    const { receivers, token, weight, direct, crash } = this.#options
    return startHeartbeats({
      receivers,
      token,
      hello: { name: this.name, incarnation: this.#incarnation, url: this.#url, weight, direct, exactlyOnce: true },
      log: this.#log,
      status: () => this.#status(),
      onLead: (epoch) => this.#lead(epoch),
      onRefused: (error) => this.#fail(error),
      onHeartbeat: () => {
        if (crash > 0 && Math.random() < crash) process.kill(process.pid, 'SIGKILL')
      },
    })
  }

  #lead(epoch: number): void {
    if (this.checkpoint.lead(epoch)) return
    const { phase, journalReign } = this.checkpoint.status()
    this.#heartbeats?.refuse(epoch, `it is ${phase}, and its journal shows epoch ${journalReign[0]}`)
  }

  #status(): HeartbeatStatus {
    const { phase, reign, journalReign, offset, lag, unsettledMs, journalReachable, progress } =
      this.checkpoint.status()
    const delayMs = this.#eventLoopDelay.percentile(99) / 1e6 - eventLoopResolutionMs
    this.#eventLoopDelay.reset()
    return {
      phase: this.#closing ? 'stopping' : phase,
      reign: [...reign],
      journalReign: [...journalReign],
      offset,
      lag,
      unsettledMs,
      journalReachable,
      inFlight: this.#inFlight,
      eventLoopDelayMs: Math.max(0, delayMs || 0),
      ...(progress && { progress: { ratio: progress.ratio, remainingMs: progress.remainingMs } }),
    }
  }

  #fail(error: unknown): void {
    this.#ended.reject(error)
    void this.close()
  }

  /** Says goodbye, so that another is named, and goes on serving until that one's claim is read: no request has to wait for our end. */
  async #handOver(): Promise<void> {
    const { leads } = this.checkpoint
    this.#heartbeats?.close('stopped in order')
    if (!leads) return
    const signal = AbortSignal.timeout(handOverDeadlineMs)
    try {
      while (this.checkpoint.leads) await once(this.checkpoint, 'phase', { signal })
    } catch {
      this.#log.info('nobody took over in time; stopping all the same')
    }
  }

  async #close(): Promise<void> {
    const server = this.#server
    await this.#handOver()
    const closed = new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()))
    await this.checkpoint.close()
    this.#eventLoopDelay.disable()
    server?.closeIdleConnections()
    const timer = setTimeout(() => server?.closeAllConnections(), closeDeadlineMs)
    await closed
    clearTimeout(timer)
  }
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
