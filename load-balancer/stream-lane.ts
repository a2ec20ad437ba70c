/**
 * The stream lane: WebSockets, event streams and bodies too large to keep. No replay; http-proxy-middleware.
 * Its router names the target, never its constructor: httpxy lets constructor options beat those of a request.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Agent } from 'node:https'
import type { Socket } from 'node:net'
import { createProxyMiddleware, type RequestHandler } from 'http-proxy-middleware'
import { isSafe } from '../checkpoint/http-methods.ts'
import { activeHeader, backendHeader, epochHeader, refusedHeader } from '../checkpoint/request-headers.ts'
import type { AccessLog } from './access-log.ts'
import { BackendAgent } from './backend-agent.ts'
import { takesTrailers, writeHead, writeHints, writeTrailers } from './client-answer.ts'
import type { Forwarding } from './forwarding.ts'
import { originForm, toClient, toTrailers } from './message-headers.ts'
import { type Problem, type ProblemType, problemAnswer, refusal } from './problem.ts'
import type { Target } from './routing.ts'
import { bytesOf, cut, prepare, provenanceOf, rawAnswer, type Stream, watchForEnd, watchNoMore } from './stream.ts'

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

/** What is told of a stream: `bytes` were written to its client, heads and frames included. */
export interface StreamState {
  backend: string
  bytes: number
}

export interface StreamLaneOptions {
  access: AccessLog
  /** Monotonic time, milliseconds. */
  now: () => number
  targets: StreamTargets
  forwarding: Forwarding
  /** Certificates in which to trust for `https://` backends; the system's if undefined. */
  backendCa?: string | undefined
  /** How long a request may wait for a target, and a deposed backend may finish its streams, milliseconds. */
  holdTimeMs: number
  /** How many may wait. */
  waitingMax: number
}

/** How long what a client sent last may take to reach its backend after it left, milliseconds. */
const lingerMs = 5_000

export class StreamLane {
  readonly #options: StreamLaneOptions
  readonly #plain: RequestHandler<IncomingMessage, ServerResponse>
  readonly #secure: RequestHandler<IncomingMessage, ServerResponse>
  readonly #streams = new Map<IncomingMessage, Stream>()
  /** What waits for a target, and how it goes on. */
  readonly #waiting = new Map<Stream, { go: () => void; timer: NodeJS.Timeout }>()
  #stopping = false

  constructor(options: StreamLaneOptions) {
    this.#options = options
    // A connection of its own for each: one that was kept could break before it is used, and nothing is sent twice here.
    this.#plain = this.#createProxy(false as unknown as undefined)
    this.#secure = this.#createProxy(new BackendAgent({ ...(options.backendCa && { ca: options.backendCa }) }))
    options.targets.onTakes(() => this.#goOn())
    options.targets.onMoved((stays) => this.#moved(stays))
  }

  #createProxy(agent: Agent | undefined): RequestHandler<IncomingMessage, ServerResponse> {
    return createProxyMiddleware<IncomingMessage, ServerResponse>({
      router: (request) => this.#streams.get(request)?.target?.url ?? '',
      agent: agent as Agent,
      xfwd: false,
      on: {
        error: (error, request) => this.#failed(request, error),
        proxyReq: (outgoing, request, response) => this.#sent(outgoing, request, response),
        proxyRes: (from, request, response) => this.#answer(from, request, response),
        proxyReqWs: (outgoing, request) => this.#watchUpgrade(outgoing, request),
      },
    })
  }

  #proxyFor({ target }: Stream): RequestHandler<IncomingMessage, ServerResponse> {
    return target!.url.startsWith('https:') ? this.#secure : this.#plain
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const stream = this.#open(request, response)
    response.on('close', () => this.#close(stream))
    if (request.aborted) return cut(stream)
    request.once('aborted', () => this.#reset(stream))
    this.#whenTaken(stream, () => {
      const failed = (error: unknown) => this.#failed(request, error)
      this.#proxyFor(stream)(request, response, failed).catch(failed)
    })
  }

  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const stream = this.#open(request, socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#close(stream))
    if (originForm(request.url!) === undefined) return this.#problem(stream, 'malformed', false)
    if (this.#stopping) return this.#problem(stream, 'stopping', false)
    watchForEnd(socket)
    this.#whenTaken(stream, () => this.#proxyFor(stream).upgrade(request, socket, head))
  }

  /** What is known of the stream of a request, until it is closed. */
  stateOf(request: IncomingMessage): StreamState | undefined {
    const stream = this.#streams.get(request)
    return stream && { backend: provenanceOf(stream).backend, bytes: bytesOf(stream) }
  }

  /** How many are here. */
  get count(): number {
    return this.#streams.size
  }

  /** Begins the end: what would not end by itself is cut, for its client to come back elsewhere. The rest may finish. */
  stop(): void {
    this.#stopping = true
    for (const stream of [...this.#streams.values()]) if (stream.endless) cut(stream)
  }

  /** Cuts everything. */
  close(): void {
    for (const stream of [...this.#streams.values()]) cut(stream)
  }

  #open(request: IncomingMessage, answer: ServerResponse | Socket): Stream {
    const { te, trailer } = request.headers
    const stream: Stream = {
      request,
      answer,
      target: undefined,
      outgoing: undefined,
      backendSocket: undefined,
      asks: { te: te as string | undefined, trailer: trailer as string | undefined },
      endless: false,
      status: 499,
      openedMs: this.#options.now(),
      bytesBefore: request.socket.bytesWritten,
      failed: false,
    }
    this.#streams.set(request, stream)
    return stream
  }

  /** Of HTTP/2, Node ends the body that a client reset as if it were whole, and httpxy would end what goes to the backend with it. */
  #reset(stream: Stream): void {
    if (stream.failed) return
    stream.failed = true
    stream.outgoing?.destroy()
    // What nobody reads any more may not close by itself. Not at once: Node says this also before it tells the client of a cut.
    process.nextTick(() => cut(stream))
  }

  #close(stream: Stream): void {
    if (!this.#streams.delete(stream.request)) return
    if (stream.target) this.#options.targets.left(stream.target)
    this.#stopWaiting(stream)
    if (!('headersSent' in stream.answer)) this.#tellUpgrade(stream)
    const { outgoing, backendSocket } = stream
    if (!backendSocket) return void outgoing?.destroy()
    // What the client sent last, such as its farewell, is still to arrive; a backend that takes nothing is not waited for.
    if (backendSocket.destroyed) return
    backendSocket.destroySoon()
    const timer = setTimeout(() => backendSocket.destroy(), lingerMs).unref()
    backendSocket.once('close', () => clearTimeout(timer))
  }

  /** Other requests are told of by who counts them. */
  #tellUpgrade(stream: Stream): void {
    const { access, now } = this.#options
    if (!access.takes()) return
    const { method, url, socket } = stream.request
    access.write({
      ...{ method: method!, url: url!, address: socket.remoteAddress ?? 'unknown', status: stream.status },
      ...{ backend: provenanceOf(stream).backend, durationMs: now() - stream.openedMs, bytes: bytesOf(stream) },
      ...{ heldMs: 0, replays: 0 },
    })
  }

  // Waiting for a target

  #whenTaken(stream: Stream, send: () => void): void {
    const { targets } = this.#options
    const go = () => {
      stream.target = targets.pick(stream.request)
      if (!stream.target) return this.#wait(stream, go)
      this.#stopWaiting(stream)
      prepare(stream.request, this.#options.forwarding)
      for (const [name, value] of targets.plainHeaders(stream.target)) stream.request.headers[name] = value
      send()
    }
    go()
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

  // What goes to a backend, and what it answers

  /** Before anything is sent. */
  #sent(outgoing: ClientRequest, request: IncomingMessage, response: ServerResponse): void {
    const stream = this.#streams.get(request)
    if (!stream || stream.failed) return void outgoing.destroy()
    stream.outgoing = outgoing
    const chunked = outgoing.getHeader('transfer-encoding') !== undefined
    if (stream.asks.te?.includes('trailers')) {
      outgoing.setHeader('te', 'trailers')
      outgoing.setHeader('connection', 'close, TE')
    }
    if (chunked && stream.asks.trailer) outgoing.setHeader('trailer', stream.asks.trailer)
    // Heard before httpxy, which ends the request when its body ends.
    if (chunked) request.once('end', () => outgoing.addTrailers(toTrailers(request.trailers) as Record<string, string>))
    outgoing.on('information', ({ statusCode, headers }) => {
      if (statusCode === 103) writeHints(response, headers)
    })
  }

  #answer(from: IncomingMessage, request: IncomingMessage, response: ServerResponse): void {
    const stream = this.#streams.get(request)
    if (!stream || stream.failed || response.headersSent) return void from.destroy()
    if (from.headers[refusedHeader] !== undefined) {
      from.resume()
      return this.#problem(stream, 'stream refused', false)
    }
    const status = from.statusCode!
    const { trailer, 'content-length': length, 'content-type': type } = from.headers
    if (status === 204) delete from.headers['content-length']
    const headers = toClient(from.headers, provenanceOf(stream))
    if (typeof trailer === 'string' && length === undefined && takesTrailers(response)) headers.push('trailer', trailer)
    // Heard before httpxy, which ends the answer when its body ends.
    from.once('end', () => writeTrailers(response, from.trailers))
    stream.endless = type?.startsWith('text/event-stream') === true
    if (this.#stopping) response.shouldKeepAlive = false
    try {
      writeHead(response, status, headers, from.statusMessage)
    } catch {
      from.destroy()
      this.#problem(stream, 'answer malformed', !isSafe(request.method!))
    }
  }

  /** Listens before httpxy does: what it hands to the client is what stands in the headers then. */
  #watchUpgrade(outgoing: ClientRequest, request: IncomingMessage): void {
    const stream = this.#streams.get(request)
    if (!stream) return void outgoing.destroy()
    stream.outgoing = outgoing
    const clean = (from: IncomingMessage) => {
      if (from.headers[refusedHeader] !== undefined) from.statusCode = 503
      delete from.headers[refusedHeader]
      delete from.headers[activeHeader]
      stream.status = from.statusCode!
      const { backend, epoch } = provenanceOf(stream)
      from.headers[backendHeader] ??= backend
      from.headers[epochHeader] ??= String(epoch)
    }
    outgoing.prependListener('response', clean)
    outgoing.prependListener('upgrade', (from: IncomingMessage, backendSocket: Socket) => {
      clean(from)
      stream.endless = true
      stream.backendSocket = backendSocket
      backendSocket.on('close', () => stream.answer.destroyed || (stream.answer as Socket).destroySoon())
      watchNoMore(stream.answer as Socket)
      if (this.#stopping || !this.#streams.has(request)) cut(stream)
    })
  }

  // Losses

  #moved(stays: (target: Target) => boolean): void {
    const old = [...this.#streams.values()].filter((stream) => stream.target && !stays(stream.target))
    const finishing = old.filter((stream) => !stream.backendSocket)
    for (const stream of old) if (stream.backendSocket) cut(stream)
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
    const refused = refusal(type, request)
    const problem: Problem = { type, ...refused, outcome: mayHaveRun ? 'unknown' : refused.outcome }
    const { status, headers, body } = problemAnswer(problem, provenanceOf(stream))
    if (stream.backendSocket || answer.destroyed || ('headersSent' in answer && answer.headersSent)) return cut(stream)
    if ('headersSent' in answer) {
      if (!request.complete) answer.shouldKeepAlive = false
      writeHead(answer, status, headers)
      answer.end(body)
    } else {
      stream.status = status
      answer.write(rawAnswer(status, headers, body))
      answer.destroySoon()
    }
  }
}
