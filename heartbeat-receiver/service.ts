/** The receiver put together: the core, and around it the sockets, the journal, the clock and the log. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { createCheckpoint, type Journal, journalPorts } from '../checkpoint/index.ts'
import { announce, announceCrash, announceVacancy } from './announcements.ts'
import type { ReceiverOptions } from './config.ts'
import { DecisionLog } from './decision-log.ts'
import { listenError, ReceiverError } from './errors.ts'
import { EventStream } from './event-stream.ts'
import { type Effect, type Input, type RecordedDecision, tickMs } from './events.ts'
import { createHttpApi } from './http-api.ts'
import { changeMessages, wholeList } from './member-messages.ts'
import { Metrics } from './metrics.ts'
import { probe } from './prober.ts'
import type { ToFollower } from './protocol.ts'
import { Receiver } from './receiver.ts'
import { tlsFilesOf } from './tls-options.ts'
import { readTlsPair, tlsVersionMin, watchTlsPair } from './tls-pair.ts'
import { isLoopback } from './token.ts'
import { type WebSocketLimits, WebSocketSide } from './websocket-server.ts'

/** How often followers hear from a receiver that has nothing to say, milliseconds. */
export const decisionsIntervalMs = 1_000
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
function createListener(options: ReceiverOptions, log: Logger, api: RequestListener) {
  const files = tlsFilesOf(options)
  if (!files) return { server: createServer(api), unwatch: () => undefined }
  const pair = readTlsPair(files)
  const server: SecureServer = createSecureServer({ cert: pair.cert, key: pair.key, minVersion: tlsVersionMin }, api)
  const use = ({ cert, key }: typeof pair) => server.setSecureContext({ cert, key, minVersion: tlsVersionMin })
  return { server: server as unknown as Server, unwatch: watchTlsPair({ files, pair, use, log }) }
}

class Service {
  readonly #options: ReceiverOptions
  readonly #log: Logger
  readonly #core: Receiver
  readonly #server: Server
  readonly #unwatch: () => void
  readonly #webSockets: WebSocketSide
  readonly #events = new EventStream()
  readonly #metrics = new Metrics()
  readonly #decisions: DecisionLog
  readonly #timers: NodeJS.Timeout[] = []
  readonly #done = Promise.withResolvers<void>()
  #ending = false

  constructor(options: ReceiverOptions, log: Logger, { journal, limits }: ReceiverDependencies) {
    const name = options.name ?? `${hostname()}:${options.port}`
    this.#options = options
    this.#log = log.child({ receiver: name })
    this.#core = new Receiver({ shard: 0, heartbeatMs: options.heartbeatMs })
    this.#decisions = this.#createDecisionLog(name, journal)
    this.#done.promise.catch(() => undefined) // whoever waits for it is told; nobody has to
    const { server, unwatch } = createListener(
      options,
      this.#log,
      createHttpApi({
        token: options.token,
        metrics: this.#metrics,
        events: this.#events,
        backends: () => this.#core.views(now()),
        decisions: () => this.#core.decisions,
        serving: () => this.#core.serving,
        notReady: () => (this.#core.authorized ? null : 'waiting for the journal of decisions'),
      }),
    )
    this.#server = server
    this.#unwatch = unwatch
    this.#server.maxConnections = connectionsMax
    this.#webSockets = new WebSocketSide({
      server: this.#server,
      token: options.token,
      log: this.#log,
      ...(limits ? { limits } : {}),
      take: (input) => this.#take(input),
      welcomeFollower: () => this.#welcome(),
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
    this.#log.info({ event: 'listening', url }, `the receiver listens on ${url}`)
    this.#timers.push(
      setInterval(() => this.#take({ type: 'tick' }), tickMs),
      setInterval(() => this.#webSockets.broadcast(this.#decisionsMessage()), decisionsIntervalMs),
    )
    void this.#openDecisions()
    return { url, port }
  }

  /** Ends in order; `error` is why, or null for an orderly stop. */
  end(error: Error | null): void {
    if (this.#ending) return
    this.#ending = true
    this.#close().then(() => (error ? this.#done.reject(error) : this.#done.resolve()), this.#done.reject)
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#unwatch()
    this.#events.close()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await this.#webSockets.closeAll(closeDeadlineMs)
    await this.#decisions.close()
    this.#server.closeAllConnections()
    await closed
  }

  #createDecisionLog(name: string, journal: Journal | undefined): DecisionLog {
    const { kafka, topicPrefix } = this.#options
    const log = this.#log.child({ journal: 'decisions' })
    const topic = `${topicPrefix}.decisions`
    const checkpoint = createCheckpoint({
      ...(journal ? { journal } : journalPorts({ kafka, topic, clientId: name, log })),
      incarnation: randomUUID(),
      node: name,
      log,
    })
    return new DecisionLog(checkpoint)
  }

  async #openDecisions(): Promise<void> {
    this.#decisions.onEnd((error) => this.end(error))
    try {
      const decisions = await this.#decisions.open()
      this.#take({ type: 'authorized', decisions })
      const epoch = this.#core.decisions[0]?.epoch ?? 0
      this.#log.info({ event: 'authorized', epoch }, 'the journal of decisions was read; this receiver decides')
    } catch (error) {
      this.end(error as Error) // after an orderly stop this is no news
    }
  }

  #take(input: Input): void {
    if (this.#ending) return
    for (const effect of this.#core.step(input, now())) this.#carryOut(effect)
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#webSockets.send(effect.connection, effect.message)
      case 'close':
        return this.#webSockets.close(effect.connection, effect.code, effect.reason)
      case 'probe':
        void this.#probe(effect.incarnation, effect.url)
        return
      case 'record':
        void this.#record(effect.decision)
        return
      case 'publish':
        return this.#publish(effect)
      case 'members-changed':
        for (const message of changeMessages(effect)) this.#webSockets.broadcast(message)
        return
      case 'members-whole':
        return this.#webSockets.tellAll(() => this.#membersMessages())
      case 'handed-over':
        return this.#webSockets.tell(effect.follower, { type: 'handed-over', ...effect.result })
      case 'crashed':
        return announceCrash(this.#log, effect.crash)
      case 'vacant':
        return announceVacancy(this.#log, effect)
      case 'failed-over':
        return this.#metrics.failover(effect.tookMs)
    }
  }

  async #probe(incarnation: string, url: string): Promise<void> {
    const outcome = await probe(url)
    this.#take({ type: 'probed', incarnation, outcome })
  }

  async #record(decision: RecordedDecision): Promise<void> {
    try {
      await this.#decisions.record(decision)
    } catch (error) {
      const reason = (error as Error).message
      this.#log.warn({ event: 'record-failed', epoch: decision.epoch, backend: decision.name, reason }, reason)
      return this.#take({ type: 'record-failed' })
    }
    this.#take({ type: 'recorded' })
  }

  #publish({ event, evidence }: Extract<Effect, { type: 'publish' }>): void {
    if (event.type === 'decided') {
      this.#webSockets.broadcast({ type: 'decided', decision: event.decision })
      this.#metrics.epoch(event.decision.shard, event.decision.epoch)
    }
    if (event.type === 'suspected') this.#metrics.suspicion(evidence ?? 'unknown')
    this.#events.publish(event)
    announce(this.#log, event)
  }

  *#welcome(): Generator<ToFollower> {
    yield this.#decisionsMessage()
    yield* this.#membersMessages()
  }

  #membersMessages(): Generator<ToFollower> {
    const { members, membersWhole } = this.#core
    return membersWhole ? wholeList(members) : changeMessages({ members, left: [] })
  }

  #decisionsMessage(): ToFollower {
    return { type: 'decisions', decisions: [...this.#core.decisions], intervalMs: decisionsIntervalMs }
  }
}

/** Monotonic time in Unix milliseconds. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
