/** Reads a request's body up to a limit, so that the request can be sent more than once. */
import type { IncomingMessage } from 'node:http'
import { BodyPace, isTooSlow, type PaceLimits } from './body-pace.ts'

/** Bytes of bodies in memory, over all requests. */
export class BodyBudget {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** False if there is no room; nothing is taken then. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** Hears one of these, or nothing if the client leaves. Bytes of a body that was read stay taken from the budget. */
export interface BodyListener {
  read(body: Buffer): void
  /** The limit was passed: the request stands as if nothing had been read from it. */
  tooLarge(): void
  noRoom(): void
  timedOut(): void
}

export interface ReadingOptions {
  bytesMax: number
  budget: BodyBudget
  pace: PaceLimits
  /** Monotonic time, milliseconds. */
  now: () => number
}

export function readBody(
  request: IncomingMessage,
  { bytesMax, budget, pace, now }: ReadingOptions,
  listener: BodyListener,
): void {
  const startedMs = now()
  const chunks: Buffer[] = []
  let bytes = 0

  const stop = (keepsBytes: boolean) => {
    request.off('data', onData).off('end', onEnd).off('close', onClose).off('timeout', onTimeout)
    request.setTimeout(0)
    if (!keepsBytes) budget.give(bytes)
  }
  const onData = (chunk: Buffer) => {
    if (!budget.take(chunk.length)) {
      stop(false)
      request.pause()
      return listener.noRoom()
    }
    bytes += chunk.length
    chunks.push(chunk)
    if (isTooSlow(pace, bytes, now() - startedMs)) return onTimeout()
    if (bytes <= bytesMax) return
    stop(false)
    request.pause()
    request.unshift(Buffer.concat(chunks))
    listener.tooLarge()
  }
  const onEnd = () => {
    stop(true)
    listener.read(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  }
  const onClose = () => stop(false)
  const onTimeout = () => {
    stop(false)
    request.pause()
    listener.timedOut()
  }
  request.setTimeout(pace.pauseMaxMs)
  request.on('data', onData).on('end', onEnd).on('close', onClose).on('timeout', onTimeout)
}

export interface WatchOptions {
  pace: PaceLimits
  /** Largest body; 0 for any. */
  bytesMax: number
  /** Monotonic time, milliseconds. */
  now: () => number
}

/** Watches a body that somebody else will read, and says once if it grows too large or comes too slowly. */
export function watchBody(
  request: IncomingMessage,
  { pace, bytesMax, now }: WatchOptions,
  refuse: (problem: 'body too large' | 'body timed out') => void,
): void {
  const progress = new BodyPace(pace, bytesMax, now())
  const stop = () => {
    request.off('data', onData).off('end', stop).off('close', stop)
    request.off('timeout', onTimeout).off('pause', onPause).off('resume', onResume)
    request.setTimeout(0)
  }
  const onData = (chunk: Buffer) => {
    const verdict = progress.arrived(chunk.length, now())
    if (verdict === 'goes on') return
    stop()
    refuse(verdict === 'too large' ? 'body too large' : 'body timed out')
  }
  const onPause = () => progress.paused(now())
  const onResume = () => progress.resumed(now())
  const onTimeout = () => {
    if (!progress.waiting) return
    stop()
    refuse('body timed out')
  }
  // Whoever reads it starts it.
  request.pause()
  progress.paused(now())
  request.setTimeout(pace.pauseMaxMs)
  request.on('data', onData).on('end', stop).on('close', stop)
  request.on('timeout', onTimeout).on('pause', onPause).on('resume', onResume)
}
