/**
 * The stream lane: WebSockets, event streams and bodies too large to keep. No replay; http-proxy-middleware.
 * Its router names the target, never its constructor: httpxy lets constructor options beat those of a request.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createProxyMiddleware, type RequestHandler } from 'http-proxy-middleware'
import { isSafe } from '../checkpoint/http-methods.ts'
import { activeHeader, backendHeader, epochHeader, refusedHeader } from '../checkpoint/request-headers.ts'
import { originOf, toBackendInPlace, toClient } from './message-headers.ts'
import { type Problem, type ProblemType, problemAnswer } from './problem.ts'
import type { ReplayLane } from './replay-lane.ts'
import type { Target } from './routing.ts'

export interface StreamLaneOptions {
  lane: ReplayLane
  /** How long a request may wait for a target, and a deposed backend may finish its streams, milliseconds. */
  holdTimeMs: number
  /** How many may wait. */
  waitingMax: number
}

/** One request or WebSocket in this lane. */
interface Stream {
  request: IncomingMessage
  answer: ServerResponse | Socket
  target: Target | undefined
  upgraded: boolean
  failed: boolean
}

export class StreamLane {
  readonly #options: StreamLaneOptions
  readonly #proxy: RequestHandler<IncomingMessage, ServerResponse>
  readonly #streams = new Map<IncomingMessage, Stream>()
  /** What waits for a target, and how it goes on. */
  readonly #waiting = new Map<Stream, { go: () => void; timer: NodeJS.Timeout }>()

  constructor(options: StreamLaneOptions) {
    this.#options = options
    this.#proxy = createProxyMiddleware<IncomingMessage, ServerResponse>({
      router: (request) => this.#streams.get(request)?.target?.url ?? '',
      // A connection of its own for each: one that was kept could break before it is used, and nothing is sent twice here.
      agent: false as unknown as undefined,
      xfwd: false,
      on: {
        error: (error, request) => this.#failed(request, error),
        proxyRes: (from, request, response) => this.#answer(from, request, response),
        proxyReqWs: (outgoing, request) => this.#watchUpgrade(outgoing, request),
      },
    })
    options.lane.onTakes(() => this.#goOn())
    options.lane.onMoved((target) => this.#moved(target))
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const stream = this.#open(request, response)
    response.on('close', () => this.#close(stream))
    this.#whenTaken(stream, () => {
      this.#proxy(request, response, (error) => this.#failed(request, error)).catch((error) =>
        this.#failed(request, error),
      )
    })
  }

  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const stream = this.#open(request, socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#close(stream))
    this.#whenTaken(stream, () => this.#proxy.upgrade(request, socket, head))
  }

  /** Cuts everything. */
  close(): void {
    for (const stream of [...this.#streams.values()]) cut(stream)
  }

  #open(request: IncomingMessage, answer: ServerResponse | Socket): Stream {
    const stream: Stream = { request, answer, target: undefined, upgraded: false, failed: false }
    this.#streams.set(request, stream)
    return stream
  }

  #close(stream: Stream): void {
    this.#streams.delete(stream.request)
    clearTimeout(this.#waiting.get(stream)?.timer)
    this.#waiting.delete(stream)
  }

  // Waiting for a target

  #whenTaken(stream: Stream, send: () => void): void {
    const go = () => {
      stream.target = this.#options.lane.target
      toBackendInPlace(stream.request.headers, originOf(stream.request))
      for (const [name, value] of this.#options.lane.plainHeaders()) stream.request.headers[name] = value
      send()
    }
    if (this.#options.lane.takesStreams) return go()
    if (this.#waiting.size >= this.#options.waitingMax) return this.#problem(stream, 'too many held', false)
    const timer = setTimeout(() => {
      this.#waiting.delete(stream)
      this.#problem(stream, 'held too long', false)
    }, this.#options.holdTimeMs)
    this.#waiting.set(stream, { go, timer })
  }

  #goOn(): void {
    for (const [stream, { go, timer }] of [...this.#waiting]) {
      if (!this.#options.lane.takesStreams) return
      clearTimeout(timer)
      this.#waiting.delete(stream)
      go()
    }
  }

  // What a backend answers

  #answer(from: IncomingMessage, request: IncomingMessage, response: ServerResponse): void {
    const stream = this.#streams.get(request)
    if (!stream || stream.failed || response.headersSent) return void from.destroy()
    if (from.headers[refusedHeader] !== undefined) {
      from.resume()
      return this.#problem(stream, 'stream refused', false)
    }
    response.writeHead(from.statusCode!, from.statusMessage, toClient(from.headers, this.#options.lane.provenance(0)))
  }

  /** Listens before httpxy does: what it hands to the client is what stands in the headers then. */
  #watchUpgrade(outgoing: ClientRequest, request: IncomingMessage): void {
    const stream = this.#streams.get(request)
    const clean = (from: IncomingMessage) => {
      if (from.headers[refusedHeader] !== undefined) from.statusCode = 503
      delete from.headers[refusedHeader]
      delete from.headers[activeHeader]
      const { backend, epoch } = this.#options.lane.provenance(0)
      from.headers[backendHeader] ??= backend
      from.headers[epochHeader] ??= String(epoch)
    }
    outgoing.prependListener('response', clean)
    outgoing.prependListener('upgrade', (from: IncomingMessage) => {
      clean(from)
      if (stream) stream.upgraded = true
    })
  }

  // Losses

  #moved(target: Target): void {
    const old = [...this.#streams.values()].filter((stream) => stream.target && stream.target.url !== target.url)
    const finishing = old.filter((stream) => !stream.upgraded)
    for (const stream of old) if (stream.upgraded) cut(stream)
    if (finishing.length === 0) return
    const timer = setTimeout(() => {
      for (const stream of finishing) if (this.#streams.has(stream.request)) this.#lost(stream)
    }, this.#options.holdTimeMs)
    timer.unref()
  }

  /** The one place where errors of this lane end: httpxy tells some of them twice. */
  #failed(request: IncomingMessage, error: unknown): void {
    const stream = this.#streams.get(request)
    if (!stream || stream.failed) return
    const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
    if (refused) this.#problem(stream, 'stream refused', false)
    else this.#lost(stream)
  }

  #lost(stream: Stream): void {
    this.#problem(stream, 'stream lost', !isSafe(stream.request.method!))
  }

  #problem(stream: Stream, type: ProblemType, mayHaveRun: boolean): void {
    stream.failed = true
    const { request, answer } = stream
    const key = request.headers['idempotency-key']
    const outcome = mayHaveRun ? 'unknown' : 'not applied'
    const problem: Problem = { type, outcome, key: typeof key === 'string' ? key : null }
    const { status, headers, body } = problemAnswer(problem, this.#options.lane.provenance(0))
    if (stream.upgraded || answer.destroyed || ('headersSent' in answer && answer.headersSent)) return cut(stream)
    if ('headersSent' in answer) {
      if (!request.complete) answer.shouldKeepAlive = false
      answer.writeHead(status, headers)
      answer.end(body)
    } else {
      answer.write(rawAnswer(status, headers, body))
      answer.destroySoon()
    }
  }
}

function cut(stream: Stream): void {
  stream.failed = true
  stream.answer.destroy()
}

/** An answer for a socket that has no response object: one that asked for an upgrade. */
function rawAnswer(status: number, headers: string[], body: Buffer): Buffer {
  const lines = [`HTTP/1.1 ${status} ${status === 503 ? 'Service Unavailable' : 'Bad Gateway'}`]
  for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`)
  lines.push('connection: close', '', '')
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body])
}
