/** Sends requests to one backend over kept-alive connections, and collects what it answers. The undici shell. */
import { buildConnector, Client, type Dispatcher, Pool } from 'undici'
import { activeHeader, type Refusal, refusals, refusedHeader } from '../checkpoint/request-headers.ts'
import type { Failure } from './replay.ts'
import { type Hint, parseHint, type Target } from './routing.ts'

type HeaderObject = Record<string, string | string[] | undefined>

/** Most connections to one backend; more requests wait their turn. */
export const connectionsMax = 256
/** Answers up to this size are collected before the client sees any of them, so that they can be asked for again. Bytes. */
export const collectedBytesMax = 64 * 1024
/** An answer of unknown length that pauses this long is a stream, and begins. Milliseconds. */
export const streamPauseMs = 50
/** How long the connections to a deposed backend stay open, milliseconds. */
const hangUpDelayMs = 50
/** Longer than a round trip anywhere, shorter than anybody's patience. Milliseconds. */
const connectTimeoutMs = 1_000
/** Shorter than a backend keeps an idle connection, so that it is ours to close. Milliseconds. */
const idleTimeoutMs = 30_000

/**
 * So many connections may be in the making before held requests wait for one another. Opening one takes about 0.1 ms of
 * this process, and the first answer after a failover is not to wait for the last connection.
 */
const connectingMax = 8

const connectOptions = { allowH2: false, timeout: connectTimeoutMs }
const poolOptions: Pool.Options = {
  connections: connectionsMax,
  pipelining: 1,
  allowH2: false,
  keepAliveTimeout: idleTimeoutMs,
  keepAliveMaxTimeout: idleTimeoutMs,
  // Slowness is no failure: a decision ends a wait, or a lost connection.
  headersTimeout: 0,
  bodyTimeout: 0,
}

export interface Outgoing {
  method: string
  path: string
  headers: string[]
  body: Buffer | null
}

/** The first part of an answer. */
export interface Head {
  status: number
  statusText: string
  headers: HeaderObject
}

/** Hears what becomes of one sending: `failed`, or `answered`, or `begun` … `ended` or `cut`. */
export interface SendingListener {
  /** A connection is there, and the request is about to leave on it. */
  connected(): void
  /** The whole answer. */
  answered(head: Head, body: Buffer | null): void
  /** An answer too large to collect begins. */
  begun(head: Head): void
  /** A part of it. False asks for a pause, until `resume` is called. */
  data(chunk: Buffer): boolean
  ended(): void
  /** It ends too early. */
  cut(): void
  /** No answer; nothing was shown to the listener before. `hint` is where the backend points. */
  failed(failure: Failure, error: Error, hint: Hint | undefined): void
}

const replaced = new Error('the sending is no longer wanted')

/** One sending of one request. */
export class Sending implements Dispatcher.DispatchHandler {
  state: 'waiting' | 'sent' | 'collecting' | 'begun' | 'done' = 'waiting'
  readonly sentAtMs: number
  readonly #backend: BackendPool
  readonly #listener: SendingListener
  readonly #method: string
  #controller: Dispatcher.DispatchController | undefined
  #head: Head | undefined
  #refusal: Refusal | undefined
  #chunks: Buffer[] = []
  #collectedBytes = 0
  #pause: NodeJS.Timeout | undefined

  constructor(backend: BackendPool, method: string, listener: SendingListener, nowMs: number) {
    this.#backend = backend
    this.#method = method
    this.#listener = listener
    this.sentAtMs = nowMs
  }

  /** True once the backend may have seen the request. */
  get left(): boolean {
    return this.state !== 'waiting'
  }

  /** Ends it: the listener hears no more. */
  abort(): void {
    if (this.state === 'done') return
    this.#finish()
    this.#controller?.abort(replaced)
  }

  /** Ends it before its answer has begun, and tells the listener why. A deposed backend's pool hangs up when it retires. */
  give(why: 'deposed' | 'silent'): void {
    const sent = this.left
    if (why === 'silent') this.abort()
    else this.#finish()
    this.#listener.failed({ type: why, sent }, new Error(`the backend is ${why}`), undefined)
  }

  /** Closes the connection of a sending that ended otherwise. */
  hangUp(): void {
    this.#controller?.abort(replaced)
  }

  resume(): void {
    this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.state === 'done') return controller.abort(replaced)
    this.#controller = controller
    this.state = 'sent'
    this.#listener.connected()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: HeaderObject,
    statusText = '',
  ): void {
    if (this.state === 'done' || status < 200) return
    this.#backend.heard += 1
    this.#head = { status, statusText, headers }
    this.state = 'collecting'
    const refused = headers[refusedHeader]
    if (refused !== undefined && refusals.includes(refused as Refusal)) {
      this.#refusal = refused as Refusal
      return
    }
    const length = headers['content-length']
    if (length !== undefined) {
      if (Number(length) > collectedBytesMax && this.#method !== 'HEAD') this.#begin()
    } else if (hasNoBody(status, this.#method)) {
      return
    } else if (isEventStream(headers)) {
      this.#begin()
    } else {
      this.#pause = setTimeout(() => this.#begin(), streamPauseMs)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.state === 'begun') {
      if (!this.#listener.data(chunk)) controller.pause()
      return
    }
    // A refusal says all in its headers.
    if (this.state !== 'collecting' || this.#refusal) return
    this.#chunks.push(chunk)
    this.#collectedBytes += chunk.length
    if (this.#collectedBytes > collectedBytesMax) this.#begin()
  }

  onResponseEnd(): void {
    const state = this.state
    if (state === 'done') return
    this.#finish()
    this.#backend.heard += 1
    if (state === 'begun') return this.#listener.ended()
    if (this.#refusal) return this.#refused(this.#refusal)
    const chunks = this.#chunks
    this.#listener.answered(
      this.#head!,
      chunks.length === 0 ? null : chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
    )
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const state = this.state
    if (state === 'done') return
    this.#finish()
    if (state === 'begun') return this.#listener.cut()
    if (this.#refusal) return this.#refused(this.#refusal)
    this.#listener.failed(state === 'waiting' ? notSent(error) : { type: 'lost' }, error, undefined)
  }

  #refused(refusal: Refusal): void {
    const pointed = this.#head!.headers[activeHeader]
    const hint = typeof pointed === 'string' ? parseHint(pointed) : undefined
    this.#listener.failed({ type: refusal }, new Error(`the backend refused: ${refusal}`), hint)
  }

  #begin(): void {
    clearTimeout(this.#pause)
    this.state = 'begun'
    this.#backend.waiting.delete(this)
    this.#listener.begun(this.#head!)
    for (const chunk of this.#chunks) if (!this.#listener.data(chunk)) this.#controller?.pause()
    this.#chunks = []
  }

  #finish(): void {
    if (this.#pause) clearTimeout(this.#pause)
    this.state = 'done'
    this.#backend.finished(this)
  }
}

function hasNoBody(status: number, method: string): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

function isEventStream(headers: HeaderObject): boolean {
  return String(headers['content-type'] ?? '').startsWith('text/event-stream')
}

/** What an error says that came before a connection took the request. */
function notSent(error: Error): Failure {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ECONNREFUSED') return { type: 'unreachable', kind: 'refused' }
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return { type: 'unreachable', kind: 'timed-out' }
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return { type: 'malformed' }
  return { type: 'unreachable', kind: 'other' }
}

/** The connections to one backend. */
export class BackendPool {
  readonly url: string
  /** Sendings whose answer has not begun for the client, oldest first. */
  readonly waiting = new Set<Sending>()
  /** Signs of life so far. */
  heard = 0
  /** Everything under way, also answers that have begun. */
  readonly #underWay = new Set<Sending>()
  readonly #pool: Pool
  readonly #prefix: string
  #connecting = 0
  #probe: Client | undefined
  #retiring: NodeJS.Timeout | undefined
  #hungUp = false

  /** @param settled called each time a connection was made or not */
  constructor(target: Target, settled: () => void) {
    const { origin, pathname } = new URL(target.url)
    this.url = target.url
    this.#prefix = pathname.replace(/\/$/, '')
    const connect = buildConnector(connectOptions)
    this.#pool = new Pool(origin, {
      ...poolOptions,
      connect: (options, callback) => {
        this.#connecting += 1
        connect(options, (...result) => {
          this.#connecting -= 1
          callback(...result)
          settled()
        })
      },
    })
  }

  /** True if every connection has its request. */
  get full(): boolean {
    return this.#underWay.size >= connectionsMax
  }

  /** True if connections are being opened as fast as it is good. */
  get crowded(): boolean {
    return this.#connecting >= connectingMax
  }

  get busy(): number {
    return this.#underWay.size
  }

  /** Takes a connection for one sending; `dispatch` is to follow at once. */
  prepare(outgoing: Outgoing, listener: SendingListener, nowMs: number): Sending {
    const sending = new Sending(this, outgoing.method, listener, nowMs)
    this.#underWay.add(sending)
    this.waiting.add(sending)
    return sending
  }

  /** Sends it. What cannot be sent fails before this returns. */
  dispatch(sending: Sending, { method, path, headers, body }: Outgoing): void {
    this.#pool.dispatch({ method, path: this.#prefix + path, headers, body }, sending)
  }

  /** A sending needs its connection no more. */
  finished(sending: Sending): void {
    this.waiting.delete(sending)
    this.#underWay.delete(sending)
    if (this.#hungUp && this.#underWay.size === 0) this.destroy()
  }

  /** Asks for a sign of life on a connection of its own: the others may all be taken. */
  ask(path: string): void {
    if (this.#probe) return
    const probe = new Client(new URL(this.url).origin, {
      allowH2: false,
      connectTimeout: connectTimeoutMs,
      headersTimeout: 0,
    })
    this.#probe = probe
    const done = () => {
      if (this.#probe === probe) this.#probe = undefined
      probe.destroy().catch(() => undefined)
    }
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => undefined,
      onResponseStart: () => {
        this.heard += 1
      },
      onResponseData: () => undefined,
      onResponseEnd: done,
      onResponseError: done,
    }
    probe.dispatch({ method: 'HEAD', path: this.#prefix + path }, handler)
  }

  /** Takes no more requests, and gives up those that wait; answers that have begun may end within `graceMs`. */
  retire(graceMs: number): void {
    const deposed = [...this.waiting]
    for (const sending of deposed) sending.give('deposed')
    // Closing connections takes time that is needed now to reach the next active.
    this.#retiring = setTimeout(() => this.#hangUp(deposed, graceMs), hangUpDelayMs)
    this.#retiring.unref()
  }

  destroy(): void {
    clearTimeout(this.#retiring)
    this.#probe?.destroy().catch(() => undefined)
    // Nothing waits for its end; what was under way hears it through its own sending.
    this.#pool.destroy().catch(() => undefined)
  }

  #hangUp(deposed: Sending[], graceMs: number): void {
    if (this.#underWay.size === 0) return this.destroy()
    this.#hungUp = true
    for (const sending of deposed) sending.hangUp()
    this.#retiring = setTimeout(() => this.destroy(), graceMs)
    this.#retiring.unref()
  }
}
