/** One request of a client and its answer: chooses the lane, reads the body, writes the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AccessLog } from './access-log.ts'
import { type BodyListener, type BodyReader, type BodyReaders, watchBody } from './body.ts'
import type { PaceLimits } from './body-pace.ts'
import { cutAnswer, endsWithHead, takesTrailers, writeHead, writeHints, writeTrailers } from './client-answer.ts'
import type { ClientConnection, Turn } from './client-connection.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import type { Forwarding } from './forwarding.ts'
import type { Job, Outlet, Submission } from './job.ts'
import { type Provenance, toBackend, toClient } from './message-headers.ts'
import { keyOf, type Problem, type ProblemType, problemAnswer, refusal } from './problem.ts'
import { plainFraming, type RequestChecks, takeTarget } from './request-checks.ts'
import type { KeyedRequest } from './request-key.ts'
import type { Head } from './sending.ts'
import type { StreamLane } from './stream-lane.ts'

/** What all exchanges of a server share. */
export interface ExchangeContext {
  lane: { submit(submission: Submission): Job; provenance(): Provenance }
  streams: StreamLane
  bodies: BodyReaders
  forwarding: Forwarding
  connections: ConnectionLimits
  checks: RequestChecks
  pace: PaceLimits
  /** Largest body; 0 for any. */
  bodyBytesMax: number
  replayBodyBytes: number
  /** Monotonic time, milliseconds. */
  now: () => number
  answered: (method: string, code: number, path: string, backend: string, tookMs: number) => void
  access: AccessLog
  /** True once the server takes no new connections. */
  stopping: boolean
}

/** Up to this size it is quicker to copy a body than to write it beside its head. Bytes. */
const onePieceBytesMax = 16 * 1024
/** The code under which an exchange is counted whose client left before the answer, as nginx does. */
const clientLeftCode = 499

/** True if a body may follow. */
function hasBody(request: IncomingMessage): boolean {
  if (request.httpVersionMajor > 1) return !endsWithHead(request)
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0)
}

export class Exchange implements Turn, BodyListener, Outlet, KeyedRequest {
  readonly #context: ExchangeContext
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #connection: ClientConnection
  readonly #startedMs: number
  #backendName = 'none'
  #answerBytes = 0
  #streamed = false
  #bodyBytes = 0
  #reader: BodyReader | undefined
  /** Of an answer that has begun. */
  #head: Head | undefined
  #job: Job | undefined

  constructor(
    context: ExchangeContext,
    request: IncomingMessage,
    response: ServerResponse,
    connection: ClientConnection,
  ) {
    this.#context = context
    this.#request = request
    this.#response = response
    this.#connection = connection
    this.#startedMs = context.now()
  }

  start(): void {
    const request = this.#request
    this.#response.on('close', () => this.#closed())
    const { checks, connections, bodies } = this.#context
    const fault = connections.isOver(this.#connection) ? 'too many requests' : checks.fault(request)
    if (fault) return this.#refuseAndEnd(fault)
    takeTarget(request)
    if (request.headers.upgrade !== undefined) this.#passOver()
    if (request.headers.expect !== undefined && request.httpVersion !== '1.0') this.#response.writeContinue()
    if (this.#streams()) return this.#stream()
    if (!hasBody(request)) return this.#submit(request.url!, null)
    this.#reader = bodies.read(request, this.#startedMs, this)
  }

  // What is heard of the body

  read(body: Buffer): void {
    this.#bodyBytes = body.length
    this.#submit(this.#request.url!, body)
  }

  tooLarge(): void {
    const { bodyBytesMax, replayBodyBytes } = this.#context
    if (bodyBytesMax > 0 && bodyBytesMax <= replayBodyBytes) this.#refuseAndEnd('body too large')
    else this.#stream()
  }

  noRoom(): void {
    this.#refuse('too much read')
  }

  timedOut(): void {
    this.#refuseAndEnd('body timed out')
  }

  broken(problem: ProblemType): boolean {
    if (this.#request.complete) return false
    this.#refuseAndEnd(problem)
    return true
  }

  // What consistent hashing goes by

  get headers(): IncomingMessage['headers'] {
    return this.#request.headers
  }

  get url(): string {
    return this.#request.url!
  }

  get address(): string {
    return this.#request.socket.remoteAddress ?? 'unknown'
  }

  // Outlet

  hint(headers: Head['headers']): void {
    writeHints(this.#response, headers)
  }

  answer(job: Job, head: Head, body: Buffer | null): void {
    if (head.trailers) return this.#answerWithTrailers(job, head, body)
    // RFC 9110 8.6: without content there is no length to tell.
    if (head.status === 204) delete head.headers['content-length']
    const headers = this.#headers(job, head)
    const bodyless = this.#request.method === 'HEAD' || head.status === 204 || head.status === 304
    if (!bodyless && head.headers['content-length'] === undefined) {
      headers.push('content-length', String(body?.length ?? 0))
    }
    if (!this.#writeHead(job, head, headers)) return
    if (body && !bodyless) this.#end(body)
    else this.#response.end()
  }

  /** Node writes a text together with the head in one piece, and gathers bytes from two. */
  #end(body: Buffer): void {
    this.#answerBytes = body.length
    if (body.length <= onePieceBytesMax) this.#response.end(body.toString('latin1'), 'latin1')
    else this.#response.end(body)
  }

  begin(job: Job, head: Head): void {
    this.#begin(job, head)
  }

  write(chunk: Buffer): boolean {
    this.#answerBytes += chunk.length
    // It has ended already if the head could not be written.
    if (this.#response.destroyed || this.#response.writableEnded || this.#response.write(chunk)) return true
    this.#response.once('drain', () => this.#job?.sending?.resume())
    return false
  }

  end(): void {
    if (this.#head?.trailers) writeTrailers(this.#response, this.#head.trailers)
    this.#response.end()
  }

  cut(): void {
    cutAnswer(this.#response)
  }

  problem(job: Job | undefined, problem: Problem): void {
    const response = this.#response
    if (response.headersSent || response.destroyed) return cutAnswer(response)
    const provenance = job && job.backend !== 'none' ? job.provenance : this.#context.lane.provenance()
    this.#backendName = provenance.backend
    const { status, headers, body } = problemAnswer(problem, provenance)
    // What is left of the body would have to be read before the connection could serve again.
    if (this.#context.stopping || !this.#request.complete) response.shouldKeepAlive = false
    writeHead(response, status, headers)
    this.#end(body)
  }

  // Lanes

  #streams(): boolean {
    const { method, headers } = this.#request
    if (method === 'GET' && headers.accept?.includes('text/event-stream')) return true
    return Number(headers['content-length'] ?? 0) > this.#context.replayBodyBytes
  }

  #stream(): void {
    this.#streamed = true
    const { pace, bodyBytesMax, now, streams } = this.#context
    if (hasBody(this.#request)) {
      watchBody(this.#request, { pace, bytesMax: bodyBytesMax, now }, (problem) => this.#refuseAndEnd(problem))
    }
    plainFraming(this.#request.headers)
    streams.handle(this.#request, this.#response)
  }

  #submit(path: string, body: Buffer | null): void {
    const request = this.#request
    if (this.#response.destroyed) return
    const headers = toBackend(request, this.#context.forwarding)
    const outgoing = { method: request.method!, path, headers, body }
    this.#job = this.#context.lane.submit({
      outlet: this,
      outgoing,
      key: keyOf(request),
      keyed: this,
    })
  }

  #refuse(type: ProblemType): void {
    this.problem(undefined, { type, ...refusal(type, this.#request) })
  }

  /** What this client sends is not to be trusted, or too much: nothing more of it is served. */
  #refuseAndEnd(type: ProblemType): void {
    this.#endConnection()
    this.#connection.endSlowly()
    this.#refuse(type)
  }

  /** Takes no notice of an offer to change the protocol. Node drops what follows it, and would read on in its midst. */
  #passOver(): void {
    delete this.#request.headers.upgrade
    this.#endConnection()
  }

  #endConnection(): void {
    this.#connection.end()
    this.#response.shouldKeepAlive = false
  }

  // Answers

  /** False as for {@link Exchange.#writeHead}. */
  #begin(job: Job, head: Head): boolean {
    this.#head = head
    const headers = this.#headers(job, head)
    const { trailer } = head.headers
    const announces = typeof trailer === 'string' && head.headers['content-length'] === undefined
    if (announces && takesTrailers(this.#response)) headers.push('trailer', trailer)
    return this.#writeHead(job, head, headers)
  }

  /** In chunks, even though all of it is here: nothing else can be followed by trailers. */
  #answerWithTrailers(job: Job, head: Head, body: Buffer | null): void {
    if (!this.#begin(job, head)) return
    if (body) this.write(body)
    this.end()
  }

  #headers(job: Job, head: Head): string[] {
    const { provenance } = job
    this.#backendName = provenance.backend
    return toClient(head.headers, provenance)
  }

  /** False if the backend's head cannot be written, and the client got a problem instead. */
  #writeHead(job: Job, head: Head, headers: string[]): boolean {
    if (this.#context.stopping) this.#response.shouldKeepAlive = false
    try {
      writeHead(this.#response, head.status, headers, head.statusText)
      return true
    } catch {
      this.problem(job, { type: 'answer malformed', outcome: job.safe ? 'not applied' : 'unknown', key: job.key })
      return false
    }
  }

  #closed(): void {
    const { bodies, answered, access, now, streams } = this.#context
    this.#connection.left(this.#request.httpVersionMajor > 1 || this.#response.shouldKeepAlive)
    this.#reader?.stop()
    if (this.#bodyBytes > 0) bodies.options.budget.give(this.#bodyBytes)
    const job = this.#job
    if (job && !job.done) job.owner.abandon(job)
    const { method, url } = this.#request
    const status = this.#response.headersSent ? this.#response.statusCode : clientLeftCode
    const stream = this.#streamed ? streams.stateOf(this.#request) : undefined
    const backend = stream?.backend ?? this.#backendName
    const durationMs = now() - this.#startedMs
    answered(method!, status, url!, backend, durationMs)
    if (!access.takes()) return
    const { heldForMs: heldMs = 0, replays = 0 } = job ?? {}
    const bytes = stream?.bytes ?? this.#answerBytes
    access.write({
      method: method!,
      url: url!,
      address: this.address,
      status,
      backend,
      durationMs,
      bytes,
      heldMs,
      replays,
    })
  }
}
