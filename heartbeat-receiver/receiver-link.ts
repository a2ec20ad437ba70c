/** One connection to one receiver, made again for as long as it is wanted. For backends and followers alike. */
import { WebSocket } from 'ws'
import { realTime, type Time } from '../checkpoint/time.ts'
import { messageBytesMax } from './protocol.ts'

/** What a link needs of the world; handed in, so that tests need no time to pass. */
export interface LinkPorts extends Pick<Time, 'now' | 'after'> {
  /** Begins to connect. Handlers are called later, never within the call. */
  dial(url: string, handlers: SocketHandlers): LinkSocket
  /** From 0 to 1. */
  random(): number
}

export interface SocketHandlers {
  onOpen(): void
  onMessage(text: string): void
  /** Once, at the end, also of one that never opened. */
  onClose(loss: Loss): void
}

export interface LinkSocket {
  send(text: string): void
  /** In good order. */
  close(): void
  /** At once. */
  terminate(): void
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number
}

/** Why a connection ended: a close code of the protocol, or 1006 and what the system said. */
export interface Loss {
  readonly code: number
  readonly reason: string
}

export interface LinkOptions {
  readonly url: string
  readonly ports: LinkPorts
  onOpen(): void
  onMessage(text: string): void
  onLost(loss: Loss): Reaction
}

/** Whether to connect again after a loss: soon, late (the other side refuses us until a person changes something), or never. */
export type Reaction = 'retry' | 'retry-late' | 'stop'

/** The first pause is short: most losses are a receiver that is starting again, or a reset that means nothing. Milliseconds. */
const pauseMinMs = 50
const pauseMaxMs = 1_000
const latePauseMs = 10_000
/** What is not said within so long after opening is taken for silence, milliseconds. */
const firstMessageMs = 3_000
/** After a silence one more look, in case it was this process that stalled and the message waits to be read, milliseconds. */
const graceMs = 100
/** A receiver that takes nothing any more is as good as silent: more is not queued for it, bytes. */
const bufferedBytesMax = 256 * 1024

/** The pause before connecting for the `attempt`th time since it last worked, 0 the first: doubled up to a second, with jitter, so that not all come at once. */
export function pauseBeforeMs(attempt: number, random: number): number {
  return Math.min(pauseMinMs * 2 ** attempt, pauseMaxMs) * (0.5 + random / 2)
}

type State =
  | { readonly name: 'waiting'; readonly cancel: () => void }
  | { readonly name: 'connecting'; readonly socket: LinkSocket }
  | { readonly name: 'open'; readonly socket: LinkSocket }
  | { readonly name: 'ended' }

export class ReceiverLink {
  readonly #options: LinkOptions
  #state: State
  #attempt = 0
  #silenceMs = firstMessageMs
  #heardAtMs = 0
  #cancelWatch: () => void = () => undefined
  #closed = false

  constructor(options: LinkOptions) {
    this.#options = options
    this.#state = { name: 'waiting', cancel: options.ports.after(0, () => this.#connect()) }
  }

  get url(): string {
    return this.#options.url
  }

  get isOpen(): boolean {
    return this.#state.name === 'open'
  }

  /** The other side accepted us: a later loss is a new one, and so long a silence means that it is gone. */
  established(silenceMs: number): void {
    this.#attempt = 0
    this.#silenceMs = silenceMs
  }

  /** Dropped if the link is not open. */
  send(text: string): void {
    if (this.#state.name !== 'open' || this.#state.socket.bufferedAmount > bufferedBytesMax) return
    this.#state.socket.send(text)
  }

  /** Ends it for good; what was sent before still goes out. */
  close(): void {
    const state = this.#state
    this.#closed = true
    this.#state = { name: 'ended' }
    this.#cancelWatch()
    if (state.name === 'waiting') state.cancel()
    else if (state.name === 'connecting') state.socket.terminate()
    else if (state.name === 'open') state.socket.close()
  }

  #connect(): void {
    const { url, ports } = this.#options
    const socket: LinkSocket = ports.dial(url, {
      onOpen: () => {
        if (!this.#isCurrent(socket)) return
        this.#state = { name: 'open', socket }
        this.#heardAtMs = ports.now()
        this.#silenceMs = firstMessageMs
        this.#watch(this.#silenceMs, socket)
        this.#options.onOpen()
      },
      onMessage: (text) => {
        if (!this.#isCurrent(socket)) return
        this.#heardAtMs = ports.now()
        this.#options.onMessage(text)
      },
      onClose: (loss) => this.#isCurrent(socket) && this.#lost(loss),
    })
    this.#state = { name: 'connecting', socket }
  }

  /** A connection that was left may still have something to say. */
  #isCurrent(socket: LinkSocket): boolean {
    const state = this.#state
    return (state.name === 'connecting' || state.name === 'open') && state.socket === socket
  }

  #lost(loss: Loss): void {
    this.#cancelWatch()
    const { ports, onLost } = this.#options
    this.#state = { name: 'ended' }
    const reaction = onLost(loss)
    if (reaction === 'stop' || this.#closed) return // the listener may have closed it
    const pauseMs = reaction === 'retry-late' ? latePauseMs : pauseBeforeMs(this.#attempt++, ports.random())
    this.#state = { name: 'waiting', cancel: ports.after(pauseMs, () => this.#connect()) }
  }

  #watch(delayMs: number, socket: LinkSocket, last = false): void {
    const { ports } = this.#options
    this.#cancelWatch = ports.after(delayMs, () => {
      const silentMs = ports.now() - this.#heardAtMs
      if (silentMs < this.#silenceMs) return this.#watch(this.#silenceMs - silentMs, socket)
      if (!last) return this.#watch(graceMs, socket, true)
      this.#lost({ code: 1006, reason: `silent for ${Math.round(silentMs)} ms` })
      socket.terminate()
    })
  }
}

/** How long a connection may take to be made, milliseconds. */
const handshakeTimeoutMs = 2_000

/** The real world. */
export const realPorts: LinkPorts = {
  dial: dialWebSocket,
  after: realTime.after,
  now: realTime.now,
  random: Math.random,
}

function dialWebSocket(url: string, { onOpen, onMessage, onClose }: SocketHandlers): LinkSocket {
  const socket = new WebSocket(url, {
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    handshakeTimeout: handshakeTimeoutMs,
  })
  let failure = ''
  socket.on('open', onOpen)
  socket.on('message', (data, isBinary) => {
    if (!isBinary) onMessage(data.toString())
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    failure = error.code === 'ECONNREFUSED' ? 'connection refused' : error.message || (error.code ?? 'unknown')
  })
  socket.on('close', (code, reason) => onClose({ code, reason: reason.toString() || failure || 'connection lost' }))
  return socket
}
