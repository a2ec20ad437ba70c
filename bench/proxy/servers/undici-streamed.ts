/** A forwarder on undici that passes every part on as it comes, in both directions. */
import type { ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { answerHeaders, requestHeaders } from './forwarded-headers.ts'
import { connectionsMax, serve, upstream } from './serving.ts'

const pool = new Pool(upstream, {
  connections: connectionsMax,
  pipelining: 1,
  allowH2: false,
  keepAliveTimeout: 30_000,
  headersTimeout: 0,
  bodyTimeout: 0,
})

class Forwarding implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  #resume: (() => void) | undefined

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onConnect(): void {}

  onHeaders(status: number, headers: Buffer[], resume: () => void, statusText: string): boolean {
    if (status < 200) return true
    this.#resume = resume
    this.#response.writeHead(status, statusText, answerHeaders(headers))
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#response.write(chunk)) return true
    this.#response.once('drain', () => this.#resume?.())
    return false
  }

  onComplete(): void {
    this.#response.end()
  }

  onError(): void {
    if (this.#response.headersSent) this.#response.destroy()
    else this.#response.writeHead(502).end()
  }
}

serve((request, response) => {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  const hasBody = encoding !== undefined || (length !== undefined && length !== '0')
  const headers = requestHeaders(request.rawHeaders, !hasBody)
  const body = hasBody ? request : null
  pool.dispatch({ method: request.method!, path: request.url!, headers, body }, new Forwarding(response))
})
