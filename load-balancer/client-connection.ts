/**
 * One connection of a client: its requests are served one after the other, so that answers keep their order and no request
 * overtakes one that it may depend on (RFC 9112 9.3.2). After a fault nothing that came later is served.
 */
import type { Socket } from 'node:net'
import { lastAnswer } from './framing.ts'
import type { ProblemType } from './problem.ts'

/** How long a client may take to read why it was refused before its connection is gone, milliseconds (RFC 9112 9.6). */
const lingerMs = 1_000
/** So many requests may wait on one connection before no more is read from it. */
const waitingMax = 16

/** One client address, and what it has here. */
export interface Client {
  readonly address: string
  connections: number
  /** Requests under way, or waiting for their turn on a connection. */
  requests: number
}

/** A request and its answer. */
export interface Turn {
  start(): void
  /** Nothing more can be read. True if this was still to be read, and has got that for an answer. */
  broken(problem: ProblemType): boolean
}

export class ClientConnection {
  readonly client: Client
  readonly #socket: Socket
  /** Many requests at a time, each in a stream of its own (HTTP/2). */
  readonly #multiplexed: boolean
  #underWay = 0
  readonly #waiting: Turn[] = []
  #current: Turn | undefined
  #fault: ProblemType | undefined
  #ended = false
  /** Of what waits to be sent: when it last grew smaller or larger, and to what. */
  #unsent = { bytes: 0, total: 0, sinceMs: 0 }

  constructor(socket: Socket, client: Client, multiplexed: boolean) {
    this.#socket = socket
    this.#multiplexed = multiplexed
    this.client = client
    socket.on('close', () => this.#closed())
  }

  /** True while a request is under way. */
  get busy(): boolean {
    return this.#current !== undefined
  }

  /** True once nothing is served here any more. */
  get ended(): boolean {
    return this.#ended
  }

  /** A request has come. It starts in its turn. */
  enter(turn: Turn): void {
    if (this.#ended) return
    this.client.requests += 1
    if (this.#multiplexed) {
      this.#underWay += 1
      return turn.start()
    }
    if (this.#current) {
      this.#waiting.push(turn)
      if (this.#waiting.length >= waitingMax) this.#socket.pause()
      return
    }
    this.#current = turn
    turn.start()
  }

  /** The request under way has its answer, or its client is gone. */
  left(goesOn: boolean): void {
    if (this.#multiplexed) return this.#streamLeft()
    if (!this.#current) return
    this.#current = undefined
    this.client.requests -= 1
    if (!goesOn) this.end()
    if (this.#waiting.length > 0) this.#next()
    else if (this.#fault && !this.#ended) this.#refuse(this.#fault)
  }

  /** No request after the one under way is served. A fault of one stream is no fault of the others. */
  end(): void {
    if (this.#multiplexed) return
    this.#ended = true
    this.client.requests -= this.#waiting.length
    this.#waiting.length = 0
  }

  /** The request under way is the last, and its client may take a while to read why. */
  endSlowly(): void {
    if (this.#multiplexed) return
    this.end()
    this.#socket.destroySoon = () => this.#linger()
  }

  /** Another protocol is spoken here, or was asked for: what is sent last is the end, whatever still comes. */
  upgraded(): void {
    this.#socket.once('finish', () => this.#linger())
  }

  /** What came is no request. It is refused after all that came before it. */
  fault(problem: ProblemType): void {
    if (this.#ended || this.#fault) return
    this.#fault = problem
    if (!this.#current) return this.#refuse(problem)
    if (this.#waiting.length === 0 && this.#current.broken(problem)) this.#fault = undefined
    // If the client has ended its half, Node closes after the last answer that it knows of.
    else this.#socket.destroySoon = () => (this.#ended ? this.#linger() : this.#refuse(problem))
  }

  /** Cuts a client that takes nothing of what waits for it. */
  check(nowMs: number, sendTimeMs: number): void {
    const bytes = this.#socket.writableLength
    const unsent = this.#unsent
    // Most have nothing to send, and to ask them for more than that takes a while.
    if (bytes === 0) {
      unsent.bytes = 0
      return
    }
    const total = this.#socket.bytesWritten
    if (bytes !== unsent.bytes || total !== unsent.total) {
      unsent.bytes = bytes
      unsent.total = total
      unsent.sinceMs = nowMs
    } else if (nowMs - unsent.sinceMs >= sendTimeMs) this.#socket.destroy()
  }

  #next(): void {
    const turn = this.#waiting.shift()!
    if (this.#waiting.length === waitingMax - 1) this.#socket.resume()
    this.#current = turn
    if (this.#fault && this.#waiting.length === 0 && turn.broken(this.#fault)) this.#fault = undefined
    else turn.start()
  }

  #refuse(problem: ProblemType): void {
    this.end()
    const socket = this.#socket
    if (!socket.writable) return void socket.destroy()
    socket.write(lastAnswer(problem))
    this.#linger()
  }

  /** Closing at once would reset the connection while the client still sends, and the answer would be lost with it. */
  #linger(): void {
    const socket = this.#socket
    socket.end()
    socket.resume()
    if (socket.destroyed) return
    const timer = setTimeout(() => socket.destroy(), lingerMs)
    socket.once('close', () => clearTimeout(timer))
  }

  #streamLeft(): void {
    if (this.#underWay === 0) return
    this.#underWay -= 1
    this.client.requests -= 1
  }

  #closed(): void {
    this.client.requests -= this.#underWay
    this.#underWay = 0
    this.end()
    if (!this.#current) return
    this.#current = undefined
    this.client.requests -= 1
  }
}
