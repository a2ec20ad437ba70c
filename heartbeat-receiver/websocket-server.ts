/** The WebSocket side of the receiver: `/heartbeats` for backends, `/decisions` for followers. A shell; it decides nothing but who may speak. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { namesLoopback } from './dashboard/request-origin.ts'
import type { Input } from './events.ts'
import { closeReason, type Lane, type Message, parseMessage, paths } from './incoming.ts'
import {
  closeCodes,
  type Figures,
  type FirstAnswer,
  type Follow,
  helloTimeoutMs,
  messageBytesMax,
  type ToBackend,
  type ToFollower,
} from './protocol.ts'
import { isAllowed } from './token.ts'

export interface WebSocketLimits {
  /** Most open connections on each path. */
  readonly connectionsMax: { readonly [lane in Lane]: number }
  /** Most messages a second that one connection may send: a heartbeat of 20 ms with plenty of room. */
  readonly messagesPerSecondMax: number
  /** A peer that reads so little that this much waits for it is let go, bytes. */
  readonly bufferedBytesMax: number
  readonly helloTimeoutMs: number
  /** One that was turned away and does not close is cut off after so long, milliseconds: it may read why until then. */
  readonly turnedAwayMs: number
}

export const defaultWebSocketLimits: WebSocketLimits = {
  connectionsMax: { heartbeats: 16_384, decisions: 1_024 },
  messagesPerSecondMax: 1_000,
  bufferedBytesMax: 1024 * 1024,
  helloTimeoutMs,
  turnedAwayMs: 1_000,
}

/** Hears of the balancers that follow, each by its connection. */
export interface BalancerListener {
  balancerJoined(connection: number, name: string): void
  balancerLeft(connection: number): void
  figures(connection: number, figures: Figures): void
  firstAnswer(answer: FirstAnswer): void
}

export interface WebSocketServerOptions {
  readonly server: Server
  readonly token: string | undefined
  readonly log: Logger
  readonly limits?: Partial<WebSocketLimits>
  /** Takes what was heard, in order. */
  readonly take: (input: Input) => void
  /** What a new follower is told, in this order. */
  readonly welcomeFollower: () => Iterator<ToFollower>
  /** For the board: the balancers that follow. */
  readonly balancers: BalancerListener
  /** For the metrics: `gapMs` since the heartbeat before on this connection. */
  readonly onHeartbeat: (backend: string, gapMs: number | undefined) => void
}

/** With which code ws closes for which error; 1002 for all others. */
const codesOfWs: Readonly<Record<string, number>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: closeCodes.tooLarge,
  WS_ERR_INVALID_UTF8: closeCodes.malformed,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: closeCodes.policy,
}

interface Peer {
  readonly id: number
  readonly lane: Lane
  readonly socket: WebSocket
  readonly address: string
  readonly helloTimer: NodeJS.Timeout
  /** Null until it said its first message. */
  name: string | null
  /** What a follower said it is; null of a backend. */
  role: Follow['role'] | null
  /** Nothing it says counts any more. */
  closing: boolean
  /** What it is told one after the other, as fast as it reads. */
  telling: Iterator<ToFollower> | null
  second: { startMs: number; messages: number }
  heartbeatAtMs: number | undefined
}

export class WebSocketSide {
  readonly #options: WebSocketServerOptions
  readonly #limits: WebSocketLimits
  readonly #upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
  })
  readonly #peers = { heartbeats: new Map<number, Peer>(), decisions: new Map<number, Peer>() }
  #ids = 0

  constructor(options: WebSocketServerOptions) {
    this.#options = options
    this.#limits = { ...defaultWebSocketLimits, ...options.limits }
    options.server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  /** Sends to a backend, if its connection is still open. */
  send(connection: number, message: ToBackend): void {
    const peer = this.#peers.heartbeats.get(connection)
    if (peer) this.#sendText(peer, JSON.stringify(message))
  }

  /** Refuses a backend: one log line, and the close code with the reason. */
  close(connection: number, code: number, reason: string): void {
    const peer = this.#peers.heartbeats.get(connection)
    if (peer) this.#refuse(peer, code, reason)
  }

  /** Sends to every follower. */
  broadcast(message: ToFollower): void {
    const text = JSON.stringify(message)
    for (const peer of this.#peers.decisions.values()) if (peer.name !== null) this.#sendText(peer, text)
  }

  /** Sends to every follower that is a receiver. */
  tellPeers(message: ToFollower): void {
    const text = JSON.stringify(message)
    for (const peer of this.#peers.decisions.values()) if (peer.role === 'receiver') this.#sendText(peer, text)
  }

  /** Sends to one follower, if its connection is still open. */
  tell(follower: number, message: ToFollower): void {
    const peer = this.#peers.decisions.get(follower)
    if (peer) this.#sendText(peer, JSON.stringify(message))
  }

  /** Tells every follower what is too long for one message: each as fast as it reads, and instead of what it was being told so. */
  tellAll(messages: () => Iterator<ToFollower>): void {
    for (const peer of this.#peers.decisions.values()) if (peer.name !== null) this.#tell(peer, messages())
  }

  /** Says goodbye to everybody; those who do not answer within `deadlineMs` are cut off. */
  async closeAll(deadlineMs: number): Promise<void> {
    const peers = [...this.#peers.heartbeats.values(), ...this.#peers.decisions.values()]
    const closed = peers.map((peer) => new Promise((resolve) => peer.socket.once('close', resolve)))
    for (const { socket } of peers) socket.close(closeCodes.goingAway, 'the receiver stops')
    const timer = setTimeout(() => {
      for (const { socket } of peers) socket.terminate()
    }, deadlineMs)
    await Promise.all(closed)
    clearTimeout(timer)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [path] = (request.url ?? '').split('?')
    const lane = (Object.keys(paths) as Lane[]).find((name) => paths[name] === path)
    if (!lane) return this.#turnAway(request, socket, 404, `no WebSocket at ${path}`)
    // A page of another site, open in a browser on this machine, must not pass for a backend.
    const { origin, host } = request.headers
    if (origin !== undefined && URL.parse(origin)?.host !== host)
      return this.#turnAway(request, socket, 403, `a page of ${origin} may not connect`)
    // Nor may one whose name was made to point here: with a token it would have to know that.
    if (origin !== undefined && this.#options.token === undefined && !namesLoopback(host))
      return this.#turnAway(request, socket, 403, 'without a token a page may connect by a loopback address only')
    if (this.#peers[lane].size >= this.#limits.connectionsMax[lane])
      return this.#turnAway(request, socket, 503, 'too many connections')
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket, request, lane))
  }

  #turnAway(request: IncomingMessage, socket: Duplex, status: number, reason: string): void {
    this.#options.log.warn({ event: 'refused', address: request.socket.remoteAddress, status, reason }, reason)
    socket.on('error', () => undefined) // it is being thrown away
    const timer = setTimeout(() => socket.destroy(), this.#limits.turnedAwayMs)
    socket.once('close', () => clearTimeout(timer))
    socket.resume() // Node reads no more from it, nor limits its time: that the client closes would never be seen
    socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  }

  #accept(socket: WebSocket, request: IncomingMessage, lane: Lane): void {
    const peer: Peer = {
      id: ++this.#ids,
      lane,
      socket,
      address: `${request.socket.remoteAddress}:${request.socket.remotePort}`,
      helloTimer: setTimeout(
        () => this.#refuse(peer, closeCodes.helloTimeout, `no first message within ${this.#limits.helloTimeoutMs} ms`),
        this.#limits.helloTimeoutMs,
      ),
      name: null,
      role: null,
      closing: false,
      telling: null,
      second: { startMs: 0, messages: 0 },
      heartbeatAtMs: undefined,
    }
    this.#peers[lane].set(peer.id, peer)
    socket.on('message', (data, isBinary) => this.#message(peer, data, isBinary))
    socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(peer, error))
    socket.on('close', () => {
      clearTimeout(peer.helloTimer)
      this.#peers[lane].delete(peer.id)
      if (lane === 'heartbeats') this.#options.take({ type: 'closed', connection: peer.id })
      if (peer.role === 'balancer') this.#options.balancers.balancerLeft(peer.id)
    })
  }

  #message(peer: Peer, data: RawData, isBinary: boolean): void {
    if (peer.closing) return
    if (isBinary) return this.#refuse(peer, closeCodes.malformed, 'malformed message: not text')
    if (this.#isFlooding(peer)) return this.#refuse(peer, closeCodes.policy, 'too many messages')
    const text = data.toString()
    if (peer.lane === 'heartbeats')
      this.#fromLane(peer, 'heartbeats', text, (message) => this.#fromBackend(peer, message))
    else this.#fromLane(peer, 'decisions', text, (message) => this.#fromFollower(peer, message))
  }

  #fromLane<L extends Lane>(peer: Peer, lane: L, text: string, take: (message: Message[L]) => void): void {
    const parsed = parseMessage(lane, text, peer.name !== null)
    if ('refusal' in parsed) return this.#refuse(peer, parsed.refusal.code, parsed.refusal.reason)
    take(parsed.message)
  }

  #fromBackend(peer: Peer, message: Message['heartbeats']): void {
    const { take } = this.#options
    const connection = peer.id
    switch (message.type) {
      case 'hello':
        if (this.#greet(peer, message.name, message.token)) take({ type: 'hello', connection, hello: message })
        return
      case 'heartbeat': {
        const nowMs = performance.now()
        const gapMs = peer.heartbeatAtMs === undefined ? undefined : nowMs - peer.heartbeatAtMs
        peer.heartbeatAtMs = nowMs
        this.#options.onHeartbeat(peer.name!, gapMs)
        return take({ type: 'heartbeat', connection, heartbeat: message })
      }
      case 'refuse':
        return take({ type: 'refuse', connection, refuse: message })
      case 'goodbye':
        return take({ type: 'goodbye', connection, goodbye: message })
      case 'yielded':
        return take({ type: 'yielded', connection, epoch: message.epoch })
    }
  }

  #fromFollower(peer: Peer, message: Message['decisions']): void {
    const { take } = this.#options
    switch (message.type) {
      case 'follow':
        if (!this.#greet(peer, message.name, message.token)) return
        peer.role = message.role
        if (message.role === 'balancer') this.#options.balancers.balancerJoined(peer.id, message.name)
        take({ type: 'seen', epoch: message.epoch })
        return this.#tell(peer, this.#options.welcomeFollower())
      case 'seen':
        return take({ type: 'seen', epoch: message.epoch })
      case 'report':
        if (peer.role !== 'balancer') return this.#refuse(peer, closeCodes.policy, 'only a balancer may report')
        return take({ type: 'report', by: peer.name!, report: message })
      case 'figures':
      case 'first-answer':
        if (peer.role !== 'balancer') return this.#refuse(peer, closeCodes.policy, 'only a balancer has figures')
        return this.#fromBalancer(peer.id, message)
      case 'hand-over':
        return take({ type: 'hand-over', follower: peer.id, request: message })
    }
  }

  #fromBalancer(connection: number, message: Message['decisions'] & { type: 'figures' | 'first-answer' }): void {
    const { balancers } = this.#options
    if (message.type === 'first-answer') return balancers.firstAnswer(message)
    const { type: _, ...figures } = message
    balancers.figures(connection, figures)
  }

  /** False if it does not know the token. */
  #greet(peer: Peer, name: string, token: string | undefined): boolean {
    if (!isAllowed(this.#options.token, token)) {
      this.#refuse(peer, closeCodes.unauthorized, 'wrong or missing token')
      return false
    }
    clearTimeout(peer.helloTimer)
    peer.name = name
    return true
  }

  #tell(peer: Peer, messages: Iterator<ToFollower>): void {
    peer.telling = messages
    const sendNext = (error?: Error | null) => {
      if (error || peer.telling !== messages) return // it is gone, or told something else instead
      const next = messages.next()
      if (next.done) peer.telling = null
      else this.#sendText(peer, JSON.stringify(next.value), sendNext)
    }
    sendNext()
  }

  #isFlooding({ second }: Peer): boolean {
    const nowMs = performance.now()
    if (nowMs - second.startMs >= 1_000) {
      second.startMs = nowMs
      second.messages = 0
    }
    return ++second.messages > this.#limits.messagesPerSecondMax
  }

  #sendText(peer: Peer, text: string, onWritten?: (error?: Error | null) => void): void {
    if (peer.closing || peer.socket.readyState !== peer.socket.OPEN) return
    if (peer.socket.bufferedAmount > this.#limits.bufferedBytesMax) {
      this.#logRefusal(peer, closeCodes.policy, 'it does not read what it is sent')
      peer.socket.terminate()
      return
    }
    peer.socket.send(text, onWritten)
  }

  #refuse(peer: Peer, code: number, reason: string): void {
    if (peer.closing) return
    this.#logRefusal(peer, code, reason)
    clearTimeout(peer.helloTimer)
    peer.socket.close(code, closeReason(reason))
  }

  /** What ws itself refuses (too large, not UTF-8, not WebSocket) it closes with the right code; a reset connection is no refusal. */
  #failed(peer: Peer, error: NodeJS.ErrnoException): void {
    if (!error.code?.startsWith('WS_ERR')) return
    const code = codesOfWs[error.code] ?? closeCodes.protocolError
    const tooLarge = code === closeCodes.tooLarge
    this.#logRefusal(peer, code, tooLarge ? `a message is larger than ${messageBytesMax} bytes` : error.message)
  }

  #logRefusal(peer: Peer, code: number, reason: string): void {
    peer.closing = true
    const { name, address, lane } = peer
    this.#options.log.warn({ event: 'refused', name, address, path: paths[lane], code, reason }, `refused: ${reason}`)
  }
}
