/** Keep-alive connections of the test client, each with one request at a time; one, if nothing else is said. */
import { Client, type Dispatcher, Pool } from 'undici'
import { backendHeader, epochHeader, replaysHeader } from '../../checkpoint/request-headers.ts'
import type { OperationRequest } from './http-operations.ts'

/** A complete HTTP answer, or the code of what failed instead. */
export type Reply =
  | { type: 'response'; status: number; text: string; backend: string; epoch: number; replays: number }
  | { type: 'failure'; code: string; message: string }

/** Largest answer that is read, bytes: a page of bookings has less. */
const responseBytesMax = 4 * 1024 * 1024

export class Connection {
  readonly #clients: readonly (Client | Pool)[]
  /** Where requests are sent until nobody listens there. */
  #current: number

  /**
   * `timeoutMs` bounds connecting, and the wait for an answer. `count` is how many connections there are. With several targets, one of
   * which a new connection is refused by is left for the next: as any client of several balancers does, for nothing was sent yet.
   */
  constructor(target: string | readonly string[], timeoutMs: number, { count = 1, first = 0 } = {}) {
    const options = {
      connectTimeout: timeoutMs,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: responseBytesMax,
      allowH2: false,
    }
    const targets = typeof target === 'string' ? [target] : target
    this.#clients = targets.map((one) =>
      count === 1 ? new Client(one, options) : new Pool(one, { ...options, connections: count }),
    )
    this.#current = first % targets.length
  }

  /** Resolves with the answer or the failure; never rejects. `more` are headers, names and values in turn. Callbacks rather than streams, for they cost the least. */
  send({ method, path, body, contentType }: OperationRequest, more: readonly string[] = []): Promise<Reply> {
    const headers = body === null ? [...more] : ['content-type', contentType ?? 'application/json', ...more]
    const request = { method, path, body, headers }
    return this.#clients.length === 1 ? this.#dispatch(0, request) : this.#sendToAny(request)
  }

  #dispatch(index: number, request: Dispatcher.DispatchOptions): Promise<Reply> {
    return new Promise((resolve) => {
      this.#clients[index]!.dispatch(request, new ReplyHandler(resolve))
    })
  }

  async #sendToAny(request: Dispatcher.DispatchOptions): Promise<Reply> {
    for (let refusals = 0; ; refusals++) {
      const index = this.#current
      const reply = await this.#dispatch(index, request)
      if (reply.type === 'response' || !isRefused(reply.code) || refusals >= this.#clients.length) return reply
      if (this.#current === index) this.#current = (index + 1) % this.#clients.length
    }
  }

  /** Ends it at once. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.destroy()))
  }
}

/** True if no connection came about, so that nothing can have been sent. */
export function isRefused(code: string): boolean {
  return code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT'
}

class ReplyHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (reply: Reply) => void
  readonly #chunks: Buffer[] = []
  #status = 0
  #headers: Record<string, string | string[] | undefined> = {}

  constructor(resolve: (reply: Reply) => void) {
    this.#resolve = resolve
  }

  // undici tells old handlers from new ones by this method.
  onRequestStart(): void {}

  onResponseStart(_controller: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    const [first] = this.#chunks
    const text = this.#chunks.length === 1 ? first!.toString() : Buffer.concat(this.#chunks).toString()
    this.#resolve({
      type: 'response',
      status: this.#status,
      text,
      backend: String(this.#headers[backendHeader] ?? ''),
      epoch: Number(this.#headers[epochHeader] ?? 0),
      replays: Number(this.#headers[replaysHeader] ?? 0),
    })
  }

  onResponseError(_controller: unknown, error: Error & { code?: string }): void {
    this.#resolve({ type: 'failure', code: error.code ?? error.name, message: error.message })
  }
}
