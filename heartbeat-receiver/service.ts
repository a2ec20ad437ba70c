/** The receiver as a process: the node, and around it the sockets, HTTP, TLS and the machine. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { type Journal, journalPorts } from '../checkpoint/index.ts'
import { realTime } from '../checkpoint/time.ts'
import type { ReceiverOptions } from './config.ts'
import { BoardKeeper } from './dashboard/board-keeper.ts'
import { BoardStream } from './dashboard/board-stream.ts'
import { createDashboardApi } from './dashboard/dashboard-api.ts'
import { Sessions, sessionCookieOf } from './dashboard/sessions.ts'
import { listenError, ReceiverError } from './errors.ts'
import { EventStream } from './event-stream.ts'
import { createHttpApi } from './http-api.ts'
import { Metrics } from './metrics.ts'
import { probe } from './prober.ts'
import { claimedUrl } from './receiver-address.ts'
import { realPorts } from './receiver-link.ts'
import { ReceiverNode, type ReceiverPorts } from './receiver-node.ts'
import { tlsFilesOf } from './tls-options.ts'
import { readTlsPair, tlsVersionMin, watchTlsPair } from './tls-pair.ts'
import { isLoopback } from './token.ts'
import { packageVersion } from './version.ts'
import { type WebSocketLimits, WebSocketSide } from './websocket-server.ts'

/** How long open connections may take to end at the stop, milliseconds. */
const closeDeadlineMs = 1_000

/** Connections of all kinds: more than the WebSockets may be, with room for HTTP. */
const connectionsMax = 20_000

/** What a test hands in instead of the real thing. */
export interface ReceiverDependencies {
  /** Instead of the Kafka topic `PREFIX.decisions`. */
  readonly journal?: Journal
  readonly limits?: Partial<WebSocketLimits>
}

export interface RunningReceiver {
  readonly url: string
  readonly port: number
  /** Settles when it has ended; rejects if it must not go on, with an error whose message says why. */
  readonly done: Promise<void>
}

/**
 * Starts a receiver; resolves when it listens, which does not wait for Kafka. Ends when `signal` is aborted.
 * @throws ReceiverError PORT_IN_USE, CANNOT_LISTEN, UNSAFE_LISTEN; TlsError
 */
export async function startReceiver(
  options: ReceiverOptions,
  log: Logger,
  signal: AbortSignal,
  dependencies: ReceiverDependencies = {},
): Promise<RunningReceiver> {
  signal.throwIfAborted()
  if (options.token === undefined && !isLoopback(options.host)) throw new ReceiverError('UNSAFE_LISTEN', options.host)
  const service = new Service(options, log, dependencies)
  const { port, url } = await service.listen()
  signal.addEventListener('abort', () => service.end(null), { once: true })
  if (signal.aborted) service.end(null)
  return { port, url, done: service.done }
}

/** A server with TLS, and the certificate as it is renewed, or without. Throws a TlsError. */
function createListener(
  options: ReceiverOptions,
  { log, metrics }: { log: Logger; metrics: Metrics },
  api: RequestListener,
) {
  const files = tlsFilesOf(options)
  if (!files) return { server: createServer(api), unwatch: () => undefined }
  const pair = readTlsPair(files)
  const server: SecureServer = createSecureServer({ cert: pair.cert, key: pair.key, minVersion: tlsVersionMin }, api)
  metrics.certificate(pair)
  const use = (next: typeof pair) => {
    server.setSecureContext({ cert: next.cert, key: next.key, minVersion: tlsVersionMin })
    metrics.certificate(next)
  }
  return { server: server as unknown as Server, unwatch: watchTlsPair({ files, pair, use, log }) }
}

class Service {
  readonly #options: ReceiverOptions
  readonly #log: Logger
  readonly #node: ReceiverNode
  readonly #server: Server
  readonly #unwatch: () => void
  readonly #webSockets: WebSocketSide
  readonly #events = new EventStream()
  readonly #metrics = new Metrics()
  readonly #board: BoardKeeper
  readonly #stream: BoardStream
  readonly #done = Promise.withResolvers<void>()
  #url = ''
  #ending = false

  constructor(options: ReceiverOptions, log: Logger, { journal, limits }: ReceiverDependencies) {
    const name = options.name ?? `${hostname()}:${options.port}`
    this.#options = options
    this.#log = log.child({ receiver: name })
    this.#node = this.#createNode(name, journal)
    this.#board = this.#createBoard(name)
    this.#stream = new BoardStream(this.#board, () => this.#node.nowMs())
    this.#done.promise.catch(() => undefined) // whoever waits for it is told; nobody has to
    const { server, unwatch } = createListener(
      options,
      { log: this.#log, metrics: this.#metrics },
      this.#createApi(name),
    )
    this.#server = server
    this.#unwatch = unwatch
    this.#server.maxConnections = connectionsMax
    this.#webSockets = new WebSocketSide({
      server: this.#server,
      token: options.token,
      log: this.#log,
      ...(limits ? { limits } : {}),
      take: (input) => this.#node.take(input),
      welcomeFollower: () => this.#node.welcome(),
      balancers: {
        balancerJoined: (connection, balancer) => this.#board.balancerJoined(connection, balancer, this.#node.nowMs()),
        balancerLeft: (connection) => this.#board.balancerLeft(connection),
        figures: (connection, figures) => this.#board.figures(connection, figures, this.#node.nowMs()),
        firstAnswer: (answer) => this.#board.firstAnswer(answer, this.#node.nowMs()),
      },
      onHeartbeat: (backend, gapMs) => this.#metrics.heartbeat(backend, gapMs),
    })
  }

  get done(): Promise<void> {
    return this.#done.promise
  }

  async listen(): Promise<{ url: string; port: number }> {
    const { host, port: wanted } = this.#options
    const shownHost = host.includes(':') ? `[${host}]` : host
    this.#server.listen({ host, port: wanted })
    await once(this.#server, 'listening').catch((cause) => {
      throw listenError(cause, `${shownHost}:${wanted}`)
    })
    const { port } = this.#server.address() as { port: number }
    const url = `${this.#options.tlsCert === undefined ? 'ws' : 'wss'}://${shownHost}:${port}`
    this.#url = url
    this.#log.info({ event: 'listening', url }, `the receiver listens on ${url}`)
    this.#node.start()
    return { url, port }
  }

  /** Ends in order; `error` is why, or null for an orderly stop. */
  end(error: Error | null): void {
    if (this.#ending) return
    this.#ending = true
    this.#close().then(() => (error ? this.#done.reject(error) : this.#done.resolve()), this.#done.reject)
  }

  async #close(): Promise<void> {
    const left = this.#node.close() // before the port is closed: nothing is decided by one that others take for dead
    this.#unwatch()
    this.#events.close()
    this.#stream.close()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await Promise.all([this.#webSockets.closeAll(closeDeadlineMs), left])
    this.#server.closeAllConnections()
    await closed
  }

  #createNode(name: string, journal: Journal | undefined): ReceiverNode {
    const { kafka, topicPrefix, heartbeatMs, peers, token } = this.#options
    const topic = `${topicPrefix}.decisions`
    const log = this.#log.child({ journal: 'decisions' })
    return new ReceiverNode({
      ...{ name, heartbeatMs, peers, token },
      ...(journal ? { journal } : journalPorts({ kafka, topic, clientId: name, log })),
      incarnation: randomUUID(),
      url: () => claimedUrl(this.#url, hostname()),
      time: realTime,
      random: Math.random,
      log: this.#log,
      ports: this.#createPorts(),
      dial: realPorts.dial,
    })
  }

  #createBoard(name: string): BoardKeeper {
    const { heartbeatMs } = this.#options
    return new BoardKeeper({
      receiver: { name, version: packageVersion(), heartbeatMs },
      receivers: () => this.#node.receivers(this.#url),
      shards: () => this.#node.seen.shards,
      sightings: (atMs) => this.#node.seen.sightings(atMs),
      heartbeatsOf: (backend) => this.#node.seen.heartbeatsOf(backend),
      kills: this.#options.killHook !== undefined,
      urgent: () => this.#stream.urgent(),
    })
  }

  #createPorts(): ReceiverPorts {
    return {
      send: (connection, message) => this.#webSockets.send(connection, message),
      close: (connection, code, reason) => this.#webSockets.close(connection, code, reason),
      broadcast: (message) => this.#webSockets.broadcast(message),
      tell: (follower, message) => this.#webSockets.tell(follower, message),
      tellAll: (messages) => this.#webSockets.tellAll(messages),
      tellPeers: (message) => this.#webSockets.tellPeers(message),
      probe: (url) => probe(url),
      publish: (event, evidence) => {
        if (event.type === 'decided') this.#metrics.epoch(event.decision.shard, event.decision.epoch)
        if (event.type === 'suspected') this.#metrics.suspicion(evidence ?? 'unknown')
        this.#events.publish(event)
      },
      happened: (event) => this.#board.happened(event),
      crashed: (crash) => this.#board.crashed(crash, this.#node.nowMs()),
      failedOver: (tookMs) => this.#metrics.failover(tookMs),
      leads: (leads) => {
        this.#metrics.leads(leads)
        this.#stream.urgent()
      },
      failed: (error) => this.end(error),
    }
  }

  #createDashboardApi(name: string) {
    const { token, tlsCert, killHook } = this.#options
    return createDashboardApi({
      ...{ token, killHook, sessions: new Sessions(), secure: tlsCert !== undefined, stream: this.#stream },
      sessionCookie: sessionCookieOf(name),
      now: () => performance.now(),
      board: () => this.#board.board(this.#node.nowMs()),
      handOver: (request) => this.#node.handOver(request),
      drain: (backend, draining) => this.#node.drain(backend, draining),
      log: this.#log,
    })
  }

  #createApi(name: string): RequestListener {
    return createHttpApi({
      token: this.#options.token,
      metrics: this.#metrics,
      events: this.#events,
      backends: () => this.#node.views(),
      decisions: () => this.#node.decisions,
      serving: () => this.#node.serving,
      notReady: () => this.#node.notReady,
      leads: () => this.#node.leads,
      dashboard: this.#createDashboardApi(name),
    })
  }
}
