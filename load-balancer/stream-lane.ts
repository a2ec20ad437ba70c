/**
 * The stream lane: WebSockets, event streams and bodies too large to keep. No replay; http-proxy-middleware.
 * Its router names the target, never its constructor: httpxy lets constructor options beat those of a request.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createProxyMiddleware, type RequestHandler } from 'http-proxy-middleware'
import { isSafe } from '../checkpoint/http-methods.ts'
import { activeHeader, backendHeader, epochHeader, refusedHeader } from '../checkpoint/request-headers.ts'
import type { Forwarding } from './forwarding.ts'
import { type Provenance, toBackendInPlace, toClient } from './message-headers.ts'
import { type Problem, type ProblemType, problemAnswer } from './problem.ts'
import type { Target } from './routing.ts'

/** Who names the backend that a stream goes to. */
export interface StreamTargets {
  /** The backend for one request; undefined if there is none now. Asked once for each, when it is about to leave. */
  pick(request: IncomingMessage): Target | undefined
  /** False while what comes has to wait. */
  readonly takes: boolean
  /** Calls `listener` whenever what waits may go. */
  onTakes(listener: () => void): void
  /** Calls `listener` when targets are given up. `stays` says of one whether it is kept. */
  onMoved(listener: (stays: (target: Target) => boolean) => void): void
  /** The headers by which this backend knows that the request is from this balancer. */
  plainHeaders(target: Target): [string, string][]
  /** A stream that was sent to `target` has ended. */
  left(target: Target): void
}

export interface StreamLaneOptions {
  targets: StreamTargets
  forwarding: Forwarding
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
    options.targets.onTakes(() => this.#goOn())
    options.targets.onMoved((stays) => this.#moved(stays))
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
    if (!this.#streams.delete(stream.request)) return
    if (stream.target) this.#options.targets.left(stream.target)
    this.#stopWaiting(stream)
  }

  // Waiting for a target

  #whenTaken(stream: Stream, send: () => void): void {
    const { targets } = this.#options
    const go = () => {
      stream.target = targets.pick(stream.request)
      if (!stream.target) return this.#wait(stream, go)
      this.#stopWaiting(stream)
      toBackendInPlace(stream.request, this.#options.forwarding)
      for (const [name, value] of targets.plainHeaders(stream.target)) stream.request.headers[name] = value
      send()
    }
    if (targets.takes) go()
    else this.#wait(stream, go)
  }

  #wait(stream: Stream, go: () => void): void {
    if (this.#waiting.has(stream)) return
    if (this.#waiting.size >= this.#options.waitingMax) return this.#problem(stream, 'too many held', false)
    const timer = setTimeout(() => {
      this.#waiting.delete(stream)
      this.#problem(stream, 'held too long', false)
    }, this.#options.holdTimeMs)
    this.#waiting.set(stream, { go, timer })
  }

  #stopWaiting(stream: Stream): void {
    clearTimeout(this.#waiting.get(stream)?.timer)
    this.#waiting.delete(stream)
  }

  #goOn(): void {
    for (const { go } of [...this.#waiting.values()]) {
      if (!this.#options.targets.takes) return
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
    response.writeHead(from.statusCode!, from.statusMessage, toClient(from.headers, provenanceOf(stream)))
  }

  /** Listens before httpxy does: what it hands to the client is what stands in the headers then. */
  #watchUpgrade(outgoing: ClientRequest, request: IncomingMessage): void {
    const stream = this.#streams.get(request)
    const clean = (from: IncomingMessage) => {
      if (from.headers[refusedHeader] !== undefined) from.statusCode = 503
      delete from.headers[refusedHeader]
      delete from.headers[activeHeader]
      const { backend, epoch } = provenanceOf(stream)
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

  #moved(stays: (target: Target) => boolean): void {
    const old = [...this.#streams.values()].filter((stream) => stream.target && !stays(stream.target))
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
    const { status, headers, body } = problemAnswer(problem, provenanceOf(stream))
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

function provenanceOf(stream: Stream | undefined): Provenance {
  return { backend: stream?.target?.name ?? 'none', epoch: stream?.target?.epoch ?? 0, replays: 0 }
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
