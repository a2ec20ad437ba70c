/** A backend: a service whose state lives in a checkpoint, which follows the receivers' decisions. */
import { randomUUID } from 'node:crypto'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Logger } from 'pino'
import { type CheckpointLimits, type Journal, journalPorts, type SnapshotStore } from '../checkpoint/index.ts'
import { libraryLogger } from '../checkpoint/logger.ts'
import { realTime } from '../checkpoint/time.ts'
import { realPorts } from '../heartbeat-receiver/receiver-link.ts'
import { BackendNode, type ServiceCheckpoint } from './backend-node.ts'
import { type BackendOptions, type BackendSettings, backendOptions, limitsOf } from './config.ts'
import { BackendError } from './errors.ts'
import { createHttpServer, listen } from './http-server.ts'
import { Metrics } from './metrics.ts'
import { createWarmUp, type Rehearsal } from './warm-up.ts'

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
  /** A copy of the service and what it is asked at the start, so that its first answers as a successor come sooner; default none. */
  readonly rehearsal?: Rehearsal
}

/** How long open connections may take to end at close, milliseconds. */
const closeDeadlineMs = 3_000
const eventLoopResolutionMs = 10

/**
 * Makes a backend; nothing is opened before its `start`. Options that are left out have their defaults (`backendOptions`).
 * @throws BackendError OPTIONS_WRONG, CheckpointError OPTIONS_WRONG (limits) or JOURNAL_UNUSABLE, each with all that is wrong in one line.
 */
export function createBackend(options: BackendSettings & BackendDependencies): Backend {
  const { log, journal, snapshots, limits, bodyBytesMax, rehearsal, ...settings } = options
  const parsed = backendOptions.safeParse(settings)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw new BackendError('OPTIONS_WRONG', problems.join('; '))
  }
  return new RunningBackend({ ...options, ...parsed.data })
}

class RunningBackend implements Backend {
  readonly name: string
  readonly done: Promise<void>
  readonly #options: BackendOptions & BackendDependencies
  readonly #incarnation = randomUUID()
  readonly #node: BackendNode
  readonly #log: Logger
  readonly #eventLoopDelay = monitorEventLoopDelay({ resolution: eventLoopResolutionMs })
  readonly #metrics = new Metrics()
  readonly #ended = Promise.withResolvers<void>()
  #url: string
  #server: Server | null = null
  #inFlight = 0
  #closing: Promise<void> | null = null

  constructor(options: BackendOptions & BackendDependencies) {
    const { host, port, receivers, token, weight, direct, bodyBytesMax } = options
    this.#options = options
    this.name =
      options.name ?? (port === 0 ? `${hostname()}:${this.#incarnation.slice(0, 8)}` : `${hostname()}:${port}`)
    this.#url = options.url ?? urlOf(host, port)
    this.#log = (options.log ?? libraryLogger(options.logLevel)).child({ backend: this.name })
    this.#node = new BackendNode({
      ...this.#journalPorts(),
      ...{ name: this.name, incarnation: this.#incarnation, url: () => this.#url, log: this.#log },
      ...{ receivers, token, weight, direct, time: realTime, ports: realPorts },
      limits: { ...limitsOf(options), ...options.limits },
      ...(bodyBytesMax !== undefined && { bodyBytesMax }),
      inFlight: () => this.#inFlight,
      eventLoopDelayMs: () => this.#eventLoopDelayMs(),
      onHeartbeat: () => this.#maybeCrash(),
      onFailed: (error) => this.#fail(error),
    })
    this.done = this.#ended.promise
    this.done.catch(() => undefined) // whoever waits for it is told; nobody has to
    this.#metrics.watch(this.checkpoint)
  }

  get checkpoint(): ServiceCheckpoint {
    return this.#node.checkpoint
  }

  async start(app: RequestListener): Promise<{ url: string; port: number }> {
    const { host, token } = this.#options
    const warmUp = createWarmUp(randomUUID(), this.#log, this.#options.rehearsal)
    const health = { phase: () => (this.#closing ? 'stopping' : this.checkpoint.phase) }
    const inFront = { routes: this.#node.routes, warmUp, metrics: this.#metrics, health, token, log: this.#log }
    const server = createHttpServer(app, inFront)
    server.on('request', (_request, response) => {
      this.#inFlight++
      response.once('close', () => this.#inFlight--)
    })
    const port = await listen(server, { host, port: this.#options.port, token })
    this.#server = server
    this.#url = this.#options.url ?? urlOf(host, port)
    this.#eventLoopDelay.enable()
    this.#log.info(
      { event: 'listening', url: this.#url, incarnation: this.#incarnation },
      `${this.name} listens on ${this.#url}`,
    )
    const address = server.address() as AddressInfo
    // Only who is warm joins: it is not silent while it compiles, and may be named.
    warmUp.run(address.port, address.address).then(
      () => this.#node.join(),
      (error: unknown) => this.#fail(error),
    )
    return { url: this.#url, port }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().then(this.#ended.resolve, this.#ended.reject)
    return this.#closing
  }

  #journalPorts(): { journal: Journal; snapshots?: SnapshotStore } {
    const { journal, snapshots, kafka, topicPrefix } = this.#options
    if (journal) return { journal, ...(snapshots && { snapshots }) }
    return journalPorts({ kafka, topic: `${topicPrefix}.journal.0`, clientId: this.name, log: this.#log })
  }

  /** Since it was asked last. */
  #eventLoopDelayMs(): number {
    const delayMs = this.#eventLoopDelay.percentile(99) / 1e6 - eventLoopResolutionMs
    this.#eventLoopDelay.reset()
    return Math.max(0, delayMs || 0)
  }

  #maybeCrash(): void {
    const { crash } = this.#options
    if (crash > 0 && Math.random() < crash) process.kill(process.pid, 'SIGKILL')
  }

  #fail(error: unknown): void {
    this.#ended.reject(error)
    void this.close()
  }

  async #close(): Promise<void> {
    const server = this.#server
    await this.#node.handOver()
    const closed = new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()))
    await this.#node.close()
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
