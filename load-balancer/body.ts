/** Reads a request's body up to a limit, so that the request can be sent more than once. */
import type { IncomingMessage } from 'node:http'

/** A client that sends nothing for this long has given up, milliseconds. */
const bodyIdleMs = 60_000

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

export function readBody(request: IncomingMessage, bytesMax: number, budget: BodyBudget, listener: BodyListener): void {
  const chunks: Buffer[] = []
  let bytes = 0

  const stop = (keepsBytes: boolean) => {
    request.off('data', onData).off('end', onEnd).off('close', onClose).off('timeout', onTimeout)
    request.socket.setTimeout(0)
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
  request.socket.setTimeout(bodyIdleMs)
  request.on('data', onData).on('end', onEnd).on('close', onClose).on('timeout', onTimeout)
}
