/** One sending of one request, and what is collected of its answer. A handler of undici's, with no connection of its own. */
import type { Client, Dispatcher } from 'undici'
import { activeHeader, type Refusal, refusals, refusedHeader } from '../checkpoint/request-headers.ts'
import type { Time } from '../checkpoint/time.ts'
import type { InBag } from './bag.ts'
import type { Failure } from './replay.ts'
import { type Hint, parseHint } from './routing.ts'

type HeaderObject = Record<string, string | string[] | undefined>

/** Answers up to this size are collected before the client sees any of them, so that they can be asked for again. Bytes. */
export const collectedBytesMax = 64 * 1024
/** An answer of unknown length that pauses this long is a stream, and begins. Milliseconds. */
export const streamPauseMs = 50
const earlyHints = 103

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
  /** What came after the body, if anything did. */
  trailers?: HeaderObject
}

/** Hears what becomes of one sending: `failed`, or `answered`, or `begun` … `ended` or `cut`. */
export interface SendingListener {
  /** True if it may be sent again although it was sent before (RFC 9110 9.2.2). */
  readonly idempotent: boolean
  /** A connection is there, and the request is about to leave on it. */
  connected(): void
  /** The backend says early what the client may fetch meanwhile (103, RFC 8297). */
  hinted(headers: HeaderObject): void
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

/** Whose connection a sending takes. */
export interface SendingOwner {
  readonly time: Time
  /** Its answer begins for the client, who may take its time over it. */
  begun(): void
  /** Signs of life of the backend so far. */
  heard: number
  /** Nobody waits for it any more; its connection may still be in use. */
  finished(sending: Sending): void
  /** Its connection can take another. */
  freed(sending: Sending): void
}

/** What a sending asks of the connection that it was given. */
export type SendingController = Pick<Dispatcher.DispatchController, 'abort' | 'pause' | 'resume'>

const replaced = new Error('the sending is no longer wanted')

/** One sending of one request. */
export class Sending implements Dispatcher.DispatchHandler, InBag {
  bagIndex = -1
  /** True once its answer began for the client. */
  hasBegun = false
  /** The connection that it was given. */
  client: Client | undefined
  state: 'waiting' | 'sent' | 'collecting' | 'begun' | 'done' = 'waiting'
  readonly sentAtMs: number
  readonly #owner: SendingOwner
  readonly #listener: SendingListener
  readonly #method: string
  #controller: SendingController | undefined
  #head: Head | undefined
  #refusal: Refusal | undefined
  #chunks: Buffer[] = []
  #collectedBytes = 0
  /** Ends the pause after which an answer is taken for a stream. */
  #cancelPause: (() => void) | undefined

  constructor(owner: SendingOwner, method: string, listener: SendingListener, nowMs: number) {
    this.#owner = owner
    this.#method = method
    this.#listener = listener
    this.sentAtMs = nowMs
  }

  /** True if another backend may be asked instead. */
  get movable(): boolean {
    return !this.left || this.#listener.idempotent
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

  onRequestStart(controller: SendingController): void {
    if (this.state === 'done') return controller.abort(replaced)
    this.#controller = controller
    this.state = 'sent'
    this.#listener.connected()
  }

  onResponseStart(controller: SendingController, status: number, headers: HeaderObject, statusText = ''): void {
    if (this.state === 'done') return
    if (status < 200) {
      if (status === earlyHints) this.#listener.hinted(headers)
      return
    }
    this.#owner.heard += 1
    this.#head = { status, statusText, headers }
    this.state = 'collecting'
    const refused = headers[refusedHeader]
    if (refused !== undefined && refusals.includes(refused as Refusal)) {
      this.#refusal = refused as Refusal
      return
    }
    const length = headers['content-length']
    if (length !== undefined) {
      // The length is that of the answer it stands for (RFC 9110 15.4.5), but undici waits for so many bytes, and fails.
      if (status === 304 && length !== '0') {
        this.#complete()
        return controller.abort(replaced)
      }
      if (Number(length) > collectedBytesMax && this.#method !== 'HEAD') this.#begin()
    } else if (hasNoBody(status, this.#method)) {
      return
    } else if (isEventStream(headers)) {
      this.#begin()
    } else {
      this.#cancelPause = this.#owner.time.after(streamPauseMs, () => this.#begin())
    }
  }

  onResponseData(controller: SendingController, chunk: Buffer): void {
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

  onResponseEnd(_controller: SendingController, trailers: HeaderObject): void {
    if (this.state !== 'done') {
      for (const _ in trailers) {
        this.#head!.trailers = trailers
        break
      }
      this.#complete()
    }
    this.#owner.freed(this)
  }

  onResponseError(_controller: SendingController | null, error: Error): void {
    if (this.state !== 'done') this.#broken(error)
    this.#owner.freed(this)
  }

  #complete(): void {
    const state = this.state
    this.#finish()
    this.#owner.heard += 1
    if (state === 'begun') return this.#listener.ended()
    if (this.#refusal) return this.#refused(this.#refusal)
    const chunks = this.#chunks
    this.#listener.answered(
      this.#head!,
      chunks.length === 0 ? null : chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
    )
  }

  #broken(error: Error): void {
    const state = this.state
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
    this.#cancelPause?.()
    this.state = 'begun'
    this.hasBegun = true
    this.#owner.begun()
    this.#listener.begun(this.#head!)
    if (this.#chunks.length > 0 && !this.#listener.data(Buffer.concat(this.#chunks))) this.#controller?.pause()
    this.#chunks = []
  }

  #finish(): void {
    this.#cancelPause?.()
    this.state = 'done'
    this.#owner.finished(this)
  }
}

function hasNoBody(status: number, method: string): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

function isEventStream(headers: HeaderObject): boolean {
  return String(headers['content-type'] ?? '').startsWith('text/event-stream')
}

/** What an error says that came before a connection took the request. */
export function notSent(error: Error): Failure {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ECONNREFUSED') return { type: 'unreachable', kind: 'refused' }
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return { type: 'unreachable', kind: 'timed-out' }
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return { type: 'malformed' }
  return { type: 'unreachable', kind: 'other' }
}
