/** A backend that is nothing but its heartbeats: it speaks the receiver's protocol, and leads at once when it is told to. */
import { randomUUID } from 'node:crypto'
import { WebSocket } from 'ws'
import { paths } from '../../heartbeat-receiver/incoming.ts'
import {
  type Heartbeat,
  type Hello,
  messageBytesMax,
  protocolVersion,
  toBackendSchema,
} from '../../heartbeat-receiver/protocol.ts'

export interface FakeBackendOptions {
  /** `ws://` URL of the receiver. */
  readonly receiver: string
  readonly name: string
  /** Where a probe looks for it. */
  readonly url: string
  readonly weight: number
}

export class FakeBackend {
  /** Heartbeats that the receiver has answered. */
  answered = 0
  /** Settles when the receiver has welcomed it; rejects if it does not. */
  readonly welcomed: Promise<void>
  readonly #options: FakeBackendOptions
  readonly #incarnation = randomUUID()
  readonly #socket: WebSocket
  readonly #welcome = Promise.withResolvers<void>()
  #timer: NodeJS.Timeout | undefined
  #sequence = 0
  #epoch = 0
  #epochLed = 0

  constructor(options: FakeBackendOptions) {
    this.#options = options
    this.welcomed = this.#welcome.promise
    this.#socket = new WebSocket(`${options.receiver}${paths.heartbeats}`, {
      maxPayload: messageBytesMax,
      perMessageDeflate: false,
    })
    this.#socket.on('open', () => this.#sayHello())
    this.#socket.on('message', (data) => this.#hear(data.toString()))
    this.#socket.on('error', (error) => this.#welcome.reject(error))
    this.#socket.on('close', (code, reason) => {
      clearInterval(this.#timer)
      this.#welcome.reject(new Error(`the receiver closed the connection: ${code} ${reason}`))
    })
  }

  get connected(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  close(): void {
    this.#socket.terminate()
  }

  #sayHello(): void {
    const { name, url, weight } = this.#options
    this.#send({
      ...{ type: 'hello', version: protocolVersion, name, incarnation: this.#incarnation, url, weight },
      ...{ direct: true, exactlyOnce: true },
    } satisfies Hello)
  }

  #hear(text: string): void {
    const message = toBackendSchema.parse(JSON.parse(text))
    if (message.type === 'welcome') this.#beatEvery(message.heartbeatIntervalMs)
    if (message.type === 'welcome' || message.type === 'ack') this.#epoch = Math.max(this.#epoch, message.epoch)
    if (message.type === 'ack') this.answered++
    if (message.type === 'yield') this.#send({ type: 'yielded', epoch: message.epoch })
    if (message.type !== 'lead' || message.incarnation !== this.#incarnation) return
    this.#epochLed = message.epoch
    this.#epoch = Math.max(this.#epoch, message.epoch)
    this.#beat()
  }

  #beatEvery(intervalMs: number): void {
    clearInterval(this.#timer)
    this.#beat()
    this.#timer = setInterval(() => this.#beat(), intervalMs)
    this.#welcome.resolve()
  }

  #beat(): void {
    const leads = this.#epochLed > 0 && this.#epochLed >= this.#epoch
    this.#send({
      ...{ type: 'heartbeat', sequence: ++this.#sequence, phase: leads ? 'active' : 'standby' },
      ...{ reign: [this.#epochLed, 0], journalReign: [this.#epoch, 0], offset: 0, lag: 0, unsettledMs: 0 },
      ...{ journalReachable: true, inFlight: 0, eventLoopDelayMs: 0 },
    } as Heartbeat)
  }

  #send(message: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message))
  }
}
