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
  readonly #client: Client | Pool

  /** `timeoutMs` bounds connecting, and the wait for an answer. `count` is how many connections there are. */
  constructor(target: string, timeoutMs: number, count = 1) {
    const options = {
      connectTimeout: timeoutMs,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: responseBytesMax,
      allowH2: false,
    }
    this.#client = count === 1 ? new Client(target, options) : new Pool(target, { ...options, connections: count })
  }

  /** Resolves with the answer or the failure; never rejects. `more` are headers, names and values in turn. Callbacks rather than streams, for they cost the least. */
  send({ method, path, body, contentType }: OperationRequest, more: readonly string[] = []): Promise<Reply> {
    const headers = body === null ? [...more] : ['content-type', contentType ?? 'application/json', ...more]
    return new Promise((resolve) => {
      this.#client.dispatch({ method, path, body, headers }, new ReplyHandler(resolve))
    })
  }

  /** Ends it at once. */
  close(): Promise<void> {
    return this.#client.destroy()
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
