/** For tests of links: receivers that do as they are told, in virtual time. */
import type { LinkPorts, LinkSocket, Loss, SocketHandlers } from './receiver-link.ts'

/** One connection that was begun. */
export class VirtualSocket implements LinkSocket {
  readonly url: string
  readonly sent: { type: string; [key: string]: unknown }[] = []
  bufferedAmount = 0
  state: 'connecting' | 'open' | 'closed' = 'connecting'
  readonly #handlers: SocketHandlers

  constructor(url: string, handlers: SocketHandlers) {
    this.url = url
    this.#handlers = handlers
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(): void {
    this.lose({ code: 1000, reason: '' })
  }
  terminate(): void {
    this.lose({ code: 1006, reason: 'terminated' })
  }

  open(): void {
    this.state = 'open'
    this.#handlers.onOpen()
  }
  hear(message: object | string): void {
    this.#handlers.onMessage(typeof message === 'string' ? message : JSON.stringify(message))
  }
  lose(loss: Loss): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.#handlers.onClose(loss)
  }
  /** The types of what was sent since the last call. */
  take(): { type: string; [key: string]: unknown }[] {
    return this.sent.splice(0)
  }
}

export class VirtualPorts implements LinkPorts {
  readonly sockets: VirtualSocket[] = []
  #nowMs = 0
  #timers: { atMs: number; callback: () => void }[] = []

  dial(url: string, handlers: SocketHandlers): VirtualSocket {
    const socket = new VirtualSocket(url, handlers)
    this.sockets.push(socket)
    return socket
  }
  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer)
    }
  }
  now(): number {
    return this.#nowMs
  }
  random(): number {
    return 1
  }

  /** The connection begun last. */
  get last(): VirtualSocket {
    return this.sockets.at(-1)!
  }
  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.length
  }

  run(forMs: number): void {
    const endMs = this.#nowMs + forMs
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (!next || next.atMs > endMs) break
      this.#timers = this.#timers.filter((one) => one !== next)
      this.#nowMs = next.atMs
      next.callback()
    }
    this.#nowMs = endMs
  }
}
