/**
 * The yardstick: the quickest forwarder there is to write with undici. The body of a request is read first and sent as one buffer; headers
 * stay flat arrays, undici's answer is taken in its raw form, and a small answer leaves in one write. No metrics, no log, no repeat.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Client, type Dispatcher, Pool } from 'undici'
import { answerHeaders, requestHeaders } from './forwarded-headers.ts'
import { connectionsMax, serve, upstream } from './serving.ts'

/** Answers up to this size are collected, as the balancer does. Bytes. */
const collectedBytesMax = 64 * 1024

const settings = { pipelining: 1, allowH2: false, keepAliveTimeout: 30_000, headersTimeout: 0, bodyTimeout: 0 }

/** Argument `clients`: a stack of free connections, where a pool looks through all of its own for one. */
class ClientStack {
  readonly #free: Client[] = []

  dispatch(options: Dispatcher.DispatchOptions, handler: Forwarding): void {
    const client = this.#free.pop() ?? new Client(upstream, settings)
    handler.done = () => this.#free.push(client)
    client.dispatch(options, handler)
  }
}

class Forwarding implements Dispatcher.DispatchHandler {
  done: (() => void) | undefined
  readonly #response: ServerResponse
  #chunk: Buffer | undefined
  #collectedBytes = 0
  #begun = false
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
    if (this.#begun) return this.#write(chunk)
    this.#collectedBytes += chunk.length
    if (this.#chunk === undefined && this.#collectedBytes <= collectedBytesMax) {
      this.#chunk = chunk
      return true
    }
    this.#begun = true
    if (this.#chunk) this.#response.write(this.#chunk)
    return this.#write(chunk)
  }

  onComplete(): void {
    this.done?.()
    if (this.#begun || this.#chunk === undefined) this.#response.end()
    else this.#response.end(this.#chunk)
  }

  onError(): void {
    this.done?.()
    if (this.#response.headersSent) this.#response.destroy()
    else this.#response.writeHead(502).end()
  }

  #write(chunk: Buffer): boolean {
    if (this.#response.write(chunk)) return true
    this.#response.once('drain', () => this.#resume?.())
    return false
  }
}

const upstreams =
  process.argv[3] === 'clients' ? new ClientStack() : new Pool(upstream, { ...settings, connections: connectionsMax })

serve((request, response) => {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && (length === undefined || length === '0')) return forward(request, response, null)
  let first: Buffer | undefined
  let rest: Buffer[] | undefined
  request.on('data', (chunk: Buffer) => {
    if (first === undefined) first = chunk
    else if (rest === undefined) rest = [first, chunk]
    else rest.push(chunk)
  })
  request.on('end', () => forward(request, response, rest ? Buffer.concat(rest) : (first ?? null)))
})

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void {
  // undici writes the length of a buffer itself.
  const headers = requestHeaders(request.rawHeaders, true)
  upstreams.dispatch({ method: request.method!, path: request.url!, headers, body }, new Forwarding(response))
}
