/** A backend: a service whose state lives in a checkpoint, which follows the receivers' decisions. */
import { randomUUID } from 'node:crypto'
import type { RequestListener, Server } from 'node:http'
import { hostname } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Logger } from 'pino'
import { type Checkpoint, createCheckpoint, type Journal, kafkaJournal, type Routes, routes } from '../checkpoint/index.ts'
import type { BackendOptions } from './config.ts'
import { type Heartbeats, startHeartbeats } from './heartbeat-client.ts'
import { createHttpServer, listen } from './http-server.ts'

/** A checkpoint with the HTTP side: `route` makes a handler that is exactly once. */
export type ServiceCheckpoint = Checkpoint & Pick<Routes, 'route'>

export interface Backend {
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

export interface BackendDependencies {
  readonly log: Logger
  /** Instead of the Kafka topic `PREFIX.journal.0`. */
  readonly journal?: Journal
}

/** How long open connections may take to end at close, milliseconds. */
const closeDeadlineMs = 3_000

/** Makes a backend; nothing is opened before its `start`. */
export function createBackend(options: BackendOptions & BackendDependencies): Backend {
  return new RunningBackend(options)
}

class RunningBackend implements Backend {
  readonly name: string
  readonly checkpoint: ServiceCheckpoint
  readonly done: Promise<void>
  readonly #options: BackendOptions & BackendDependencies
  readonly #incarnation = randomUUID()
  readonly #routes: Routes
  readonly #log: Logger
  readonly #eventLoopDelay = monitorEventLoopDelay({ resolution: 10 })
  readonly #ended = Promise.withResolvers<void>()
  #url: string
  #server: Server | null = null
  #heartbeats: Heartbeats | null = null
  #inFlight = 0
  #closing: Promise<void> | null = null

  constructor(options: BackendOptions & BackendDependencies) {
    const { host, port, kafka, topicPrefix, token } = options
    this.#options = options
    this.name = options.name ?? `${hostname()}:${port}`
    this.#url = options.url ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`
    this.#log = options.log.child({ backend: this.name })
    const journal = options.journal ?? kafkaJournal({ brokers: kafka, topic: `${topicPrefix}.journal.0`, clientId: this.name, log: this.#log })
    const checkpoint = createCheckpoint({ journal, incarnation: this.#incarnation, node: this.name, url: () => this.#url, log: this.#log })
    this.#routes = routes(checkpoint, { node: this.name, token, log: this.#log })
    this.checkpoint = Object.assign(checkpoint, { route: this.#routes.route })
    this.done = this.#ended.promise
    this.done.catch(() => undefined) // whoever waits for it is told; nobody has to
    checkpoint.on('fatal', (error) => this.#fail(error))
  }

  async start(app: RequestListener): Promise<{ url: string; port: number }> {
    const server = createHttpServer(app, this.#routes)
    server.on('request', (_request, response) => {
      this.#inFlight++
      response.once('close', () => this.#inFlight--)
    })
    const port = await listen(server, { host: this.#options.host, port: this.#options.port, token: this.#options.token })
    this.#server = server
    this.#eventLoopDelay.enable()
    this.#startHeartbeats()
    this.#log.info({ event: 'listening', url: this.#url, incarnation: this.#incarnation }, `${this.name} listens on ${this.#url}`)
    this.checkpoint.start().catch((error: unknown) => this.#fail(error))
    return { url: this.#url, port }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().then(this.#ended.resolve, this.#ended.reject)
    return this.#closing
  }

  #startHeartbeats(): void {}

  #fail(error: unknown): void {
    this.#ended.reject(error)
    void this.close()
  }

  async #close(): Promise<void> {
    const server = this.#server
    server?.close()
    await this.checkpoint.close()
    await this.#heartbeats?.close()
    this.#eventLoopDelay.disable()
    if (!server) return
    server.closeIdleConnections()
    const timer = setTimeout(() => server.closeAllConnections(), closeDeadlineMs)
    await new Promise<void>((resolve) => server.on('close', resolve))
    clearTimeout(timer)
  }
}
