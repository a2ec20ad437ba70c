/**
 * TCP mode: bytes of any protocol to whoever is active. Nothing is replayed: a connection belongs to one backend, and is
 * closed when another is named, so that its client connects again and reaches that one. A shell around routing and gate.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Logger } from 'pino'
import type { Decision, Report } from '../heartbeat-receiver/protocol.ts'
import { afterFailure, afterPause, type Gate, lets, openGate } from './gate.ts'
import { decided, type Target } from './routing.ts'

/** Longer than a round trip anywhere, shorter than anybody's patience. Milliseconds. */
const connectTimeoutMs = 1_000
/** How long what one side sent last may take to reach the other after it left, milliseconds. */
const lingerMs = 5_000
/** A peer that is gone without a word is noticed after this and a few probes of the system's, milliseconds. */
const keepAliveMs = 60_000

export interface TcpProxyOptions {
  follower: {
    decision(): Decision | undefined
    on(event: 'decision', listener: (decision: Decision) => void): unknown
    report(report: Omit<Report, 'type'>): void
  }
  /** Port of the backends; undefined for that of their URL. */
  backendPort: number | undefined
  /** Most connections of clients. */
  connectionsMax: number
  /** How long a connection may wait for an active, milliseconds, and how many may. */
  holdTimeMs: number
  waitingMax: number
  log: Logger
}

/** A client's connection, and what became of it. */
interface Link {
  client: Socket
  backend: Socket | undefined
  /** Whose the backend's connection is. */
  target: Target | undefined
  connected: boolean
  timer: NodeJS.Timeout | undefined
}

export class TcpProxy {
  readonly server: Server
  readonly #options: TcpProxyOptions
  readonly #links = new Set<Link>()
  #target: Target | undefined
  #gate: Gate = openGate
  #pause: NodeJS.Timeout | undefined

  constructor(options: TcpProxyOptions) {
    this.#options = options
    // A client that ends its half may still be answered.
    this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) =>
      this.#open(socket),
    )
    this.server.maxConnections = options.connectionsMax
    const { follower } = options
    follower.on('decision', (decision) => this.#follow(decision))
    const known = follower.decision()
    if (known) this.#follow(known)
  }

  /** Connections of clients now. */
  get count(): number {
    return this.#links.size
  }

  /** Cuts everything: no connection would end by itself. */
  close(): void {
    clearTimeout(this.#pause)
    for (const link of [...this.#links]) cut(link)
  }

  // Where connections go

  #follow(decision: Decision): void {
    const change = decided(this.#target, decision)
    if (change.type === 'none') return
    this.#target = change.target
    if (change.type === 'renewed') return
    clearTimeout(this.#pause)
    this.#gate = openGate
    const { epoch, name, incarnation } = change.target
    const links = [...this.#links]
    const deposed = links.filter(({ connected }) => connected)
    for (const link of deposed) cut(link)
    const { address } = this.#addressOf(change.target)
    const told = { event: 'routed', epoch, backend: name, incarnation, address, closed: deposed.length }
    this.#options.log.info(told, `TCP connections go to ${name ?? address}`)
    for (const link of links) if (!link.connected) this.#connect(link)
  }

  #addressOf({ url }: Target): { host: string; port: number; address: string } {
    const { hostname, port, protocol } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    const own = Number(port) || (protocol === 'https:' ? 443 : 80)
    const used = this.#options.backendPort ?? own
    return { host, port: used, address: `${hostname}:${used}` }
  }

  // One connection

  #open(client: Socket): void {
    const link: Link = { client, backend: undefined, target: undefined, connected: false, timer: undefined }
    const { holdTimeMs, waitingMax } = this.#options
    const waiting = [...this.#links].filter(({ connected }) => !connected).length
    client.on('error', () => client.destroy())
    if (waiting >= waitingMax) return reset(client)
    this.#links.add(link)
    client.setKeepAlive(true, keepAliveMs)
    client.on('close', (failed) => {
      clearTimeout(link.timer)
      this.#links.delete(link)
      if (link.connected) end(link.backend!, failed)
      else link.backend?.destroy()
    })
    link.timer = setTimeout(() => cut(link), holdTimeMs)
    this.#connect(link)
  }

  /** Dials the target for a client that waits; a dial to another is given up. */
  #connect(link: Link): void {
    link.backend?.destroy()
    link.backend = undefined
    const target = this.#target
    if (!target || !lets(this.#gate) || link.client.destroyed) return
    const { host, port } = this.#addressOf(target)
    const backend = connect({ host, port, allowHalfOpen: true, noDelay: true, timeout: connectTimeoutMs })
    link.backend = backend
    link.target = target
    backend.on('timeout', () =>
      backend.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })),
    )
    backend.on('error', (error) => {
      if (!link.connected && link.backend === backend) this.#notReached(link, error)
    })
    backend.on('connect', () => this.#join(link, backend))
    backend.on('close', (failed) => {
      if (link.connected) end(link.client, failed)
    })
  }

  #join(link: Link, backend: Socket): void {
    link.connected = true
    this.#gate = openGate
    clearTimeout(link.timer)
    backend.setTimeout(0)
    backend.setKeepAlive(true, keepAliveMs)
    // Ends of halves are passed on, and each side is read no faster than the other takes it.
    link.client.pipe(backend)
    backend.pipe(link.client)
  }

  /** Nothing was sent yet, so the next dial may follow, to whoever is active then. */
  #notReached(link: Link, error: NodeJS.ErrnoException): void {
    link.backend = undefined
    const { target } = link
    if (target !== this.#target) return this.#connect(link)
    const before = this.#gate
    this.#gate = afterFailure(before)
    if (before.state === 'pausing' || this.#gate.state !== 'pausing') return
    const { epoch, name, incarnation } = target!
    const { code } = error
    this.#options.log.warn({ event: 'unreachable', epoch, backend: name, reason: code }, `cannot connect to ${name}`)
    const kind = code === 'ECONNREFUSED' ? 'refused' : code === 'ETIMEDOUT' ? 'timed-out' : undefined
    if (kind && incarnation !== null) this.#options.follower.report({ incarnation, epoch, kind })
    this.#pause = setTimeout(() => this.#tryAgain(), this.#gate.pauseMs)
  }

  #tryAgain(): void {
    this.#gate = afterPause(this.#gate)
    for (const link of [...this.#links]) if (!link.connected && !link.backend) this.#connect(link)
  }
}

/** Ends the other side of a connection that is closed: with what is still to be sent, or as hard as it was ended. */
function end(socket: Socket, failed: boolean): void {
  if (socket.destroyed) return
  if (failed) return reset(socket)
  socket.destroySoon()
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}

function cut({ client, backend }: Link): void {
  reset(client)
  if (backend) reset(backend)
}

/** Closes so that the peer sees that something is missing. */
function reset(socket: Socket): void {
  if (socket.destroyed) return
  // Node 26 never finishes its own exit if a socket that has ended is reset.
  if (socket.writableEnded || socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}
