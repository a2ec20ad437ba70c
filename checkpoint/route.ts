/**
 * `checkpoint.route`: an HTTP handler that is exactly once. A thin adapter between Node's HTTP (and Express, whose requests and
 * responses are Node's) and {@link Checkpoint.submit}.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import { parse as parseQuery } from 'node:querystring'
import type { Logger } from 'pino'
import type { Checkpoint } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import { isSafe } from './http-methods.ts'
import { dropRest, hasUnreadBody, readJsonBody } from './json-body.ts'
import {
  activeHeader,
  backendHeader,
  epochHeader,
  offsetHeader,
  parseReadsHeader,
  parseRequestHeader,
  type RequestNote,
  readsHeader,
  refusedHeader,
  requestHeader,
  stalenessHeader,
  tokenHeader,
} from './request-headers.ts'
import { problem, type RouteHandler, type RouteRequest, type RouteResponse } from './route-handler.ts'
import type { Identity, Outcome } from './submission.ts'

/** What the HTTP side of a checkpoint is told. */
export interface RouteOptions {
  /** Name of this server, as `X-Heartline-Backend` says it. */
  readonly node: string
  /** If set, what a balancer says of a request counts only with this token. */
  readonly token?: string | undefined
  /** Told of handlers that throw. */
  readonly log: Logger
  /** Most bytes of a JSON body that `route` reads itself, where no middleware has; beyond it 413. Default 1 MiB: what a balancer keeps to send again. */
  readonly bodyBytesMax?: number
  /** How long a request that was named a newer epoch waits for the claim to be valid, milliseconds. */
  readonly claimWaitMs?: number
}

/** An Express or `node:http` handler made by `route`. */
export interface ExactlyOnceRoute {
  (request: RouteRequest, response: ServerResponse): void
  readonly [exactlyOnce]: true
}

const exactlyOnce = Symbol('heartline.exactlyOnce')
/** What a balancer keeps to send again, as `--replay-body` has it. */
export const defaultBodyBytesMax = 1024 * 1024
const keyLengthMax = 255
const keyHeader = 'idempotency-key'
const json = 'application/json; charset=utf-8'
const reading: Identity = { readOnly: true }
const linearizable = { [stalenessHeader]: '0' }

/** True for a handler made by `route`: it may be sent a request again. */
export function isExactlyOnce(handler: unknown): boolean {
  return typeof handler === 'function' && exactlyOnce in handler
}

/** What `routes` offers to a server. */
export interface Routes {
  /** Makes an HTTP handler of a {@link RouteHandler}. */
  route(handler: RouteHandler): ExactlyOnceRoute
  /** What a trusted balancer says of this request; undefined if none says anything. */
  note(request: RouteRequest): RequestNote | undefined
  /** Answers a request for a new session. */
  openSession(request: RouteRequest, response: ServerResponse): void
}

/** Makes the HTTP side of a checkpoint. */
export function routes(checkpoint: Checkpoint, options: RouteOptions): Routes {
  const { node, log, claimWaitMs = 5_000, bodyBytesMax = defaultBodyBytesMax } = options
  const token = options.token === undefined ? undefined : Buffer.from(options.token)

  /** What a trusted balancer says under a header. */
  function said(request: RouteRequest, header: string): string | undefined {
    const text = request.headers[header]
    if (typeof text !== 'string') return undefined
    if (token && !sameToken(token, request.headers[tokenHeader])) return undefined
    return text
  }

  function note(request: RouteRequest): RequestNote | undefined {
    const text = said(request, requestHeader)
    return text === undefined ? undefined : parseRequestHeader(text)
  }

  /** How old an answer to this request may be, milliseconds; undefined if it must be the active's. */
  function stalenessLimitMs(request: RouteRequest): number | undefined {
    const text = said(request, readsHeader)
    return text !== undefined && isSafe(request.method ?? '') ? parseReadsHeader(text) : undefined
  }

  /** Calls `act` when this node leads, and refuses if it does not: at once, unless it was just named and its claim is under way. */
  function whenLeading(
    request: RouteRequest,
    response: ServerResponse,
    act: (note: RequestNote | undefined) => void,
  ): void {
    const known = note(request)
    if (known) checkpoint.sawEpoch(known.epoch)
    if (checkpoint.leads) return act(known)
    const refuse = () => refuseToLead(response, askedOf(request, known))
    const { phase, journalReign } = checkpoint.status()
    const named = known !== undefined && known.epoch > journalReign[0]
    if (phase !== 'claiming' && !named) return refuse()
    void checkpoint.whenLeading(claimWaitMs).then((leads) => (leads ? act(known) : refuse()))
  }

  function refuseToLead(response: ServerResponse, asked: Asked): void {
    sendError(response, new CheckpointError('NOT_ACTIVE', `${node} does not lead`), asked)
  }

  function sendError(response: ServerResponse, error: unknown, { key, before }: Asked): void {
    if (!(error instanceof CheckpointError)) {
      log.error({ err: error }, 'a route failed; nothing was changed')
      return send(
        response,
        problem(500, 'Internal Server Error', {
          detail: 'the request failed; nothing was changed',
          outcome: 'not applied',
        }),
      )
    }
    const { status, code, message } = error
    const outcome = before && isUnseen(error) ? 'unknown' : error.outcome
    const headers: Record<string, string> = { 'content-type': 'application/problem+json' }
    if (status === 503) headers['retry-after'] = '1'
    if (code === 'SESSION_ENDED') headers[refusedHeader] = 'session-ended'
    if (code === 'NOT_ACTIVE') {
      const { journalReign, activeUrl } = checkpoint.status()
      headers[refusedHeader] = 'not-active'
      headers[activeHeader] = `${journalReign[0]} ${activeUrl || '-'}`
    }
    const body = {
      type: 'about:blank',
      title: titles[status] ?? 'Error',
      status,
      code,
      detail: message,
      outcome,
      ...(outcome === 'unknown' ? { key } : {}),
    }
    send(response, { status, headers, body })
  }

  function send(response: ServerResponse, answer: RouteResponse): void {
    sendText(
      response,
      answer.status ?? 200,
      answer.headers,
      answer.body === undefined ? undefined : JSON.stringify(answer.body),
    )
  }

  function sendText(
    response: ServerResponse,
    status: number,
    headers: RouteResponse['headers'],
    body: string | undefined,
    added: RouteResponse['headers'] = undefined,
  ): void {
    if (response.headersSent || response.destroyed) return
    const sent: Record<string, string | number> = { [backendHeader]: node, [epochHeader]: checkpoint.reign[0] }
    if (body !== undefined) {
      sent['content-type'] = json
      sent['content-length'] = Buffer.byteLength(body)
    } else if (status !== 204 && status !== 304) sent['content-length'] = 0
    for (const name in headers) sent[name.toLowerCase()] = headers[name]!
    for (const name in added) sent[name] = added[name]!
    response.writeHead(status, sent)
    response.end(body)
  }

  function settle(
    response: ServerResponse,
    outcome: Outcome<Answer>,
    asked: Asked,
    added?: RouteResponse['headers'],
  ): void {
    if (outcome.kind === 'failed') return sendError(response, outcome.error, asked)
    if (outcome.kind === 'ran')
      return sendText(response, outcome.result.status, outcome.result.headers, outcome.result.text, added)
    const { status, headers, body } = JSON.parse(outcome.responseText) as Required<RouteResponse>
    const replayed = outcome.byKey ? { 'idempotency-replayed': 'true' } : undefined
    sendText(response, status, headers, body === undefined ? undefined : JSON.stringify(body), replayed)
  }

  /** Answers from a standby's own state, or refuses at once: who leads is asked then. */
  function readStandby(handler: RouteHandler, request: RouteRequest, response: ServerResponse, limitMs: number): void {
    const read = checkpoint.readStandby(() => answerOf(handler(request)), responseTextOf, limitMs)
    if (!read) return refuseToLead(response, onceOnly)
    settle(response, read.outcome, onceOnly, {
      [epochHeader]: String(read.epoch),
      [stalenessHeader]: String(Math.ceil(read.stalenessMs)),
      [offsetHeader]: String(read.offset),
    })
  }

  /** Calls `act` when the request has what a handler may ask for. Express and its parsers have given it all of it already. */
  function whenRead(request: RouteRequest, response: ServerResponse, act: () => void): void {
    if (!('query' in request)) Object.assign(request, { query: queryOf(request.url ?? '') })
    if (!('params' in request)) Object.assign(request, { params: {} })
    if (!hasUnreadBody(request)) return act()
    readJsonBody(request, bodyBytesMax)
      .then((body) => Object.assign(request, { body }))
      .then(act)
      .catch((error: unknown) => {
        sendError(response, error, onceOnly)
        dropRest(request)
      })
  }

  function route(handler: RouteHandler): ExactlyOnceRoute {
    const answer = (
      request: RouteRequest,
      response: ServerResponse,
      known: RequestNote | undefined,
      added: RouteResponse['headers'],
    ): void => {
      const identity = isSafe(request.method ?? '') ? reading : identify(request, known)
      if (typeof identity === 'string') return send(response, problem(400, 'Bad Request', { detail: identity }))
      const asked = identity === reading ? onceOnly : askedOf(request, known)
      checkpoint.submit(
        () => answerOf(handler(request)),
        identity === reading ? textOf : responseTextOf,
        identity,
        (outcome) => settle(response, outcome, asked, added),
      )
    }

    const handle = (request: RouteRequest, response: ServerResponse): void => {
      const limitMs = stalenessLimitMs(request)
      if (limitMs !== undefined && !checkpoint.leads && checkpoint.phase !== 'claiming')
        return whenRead(request, response, () => readStandby(handler, request, response, limitMs))
      const added = limitMs === undefined ? undefined : linearizable
      whenLeading(request, response, (known) =>
        whenRead(request, response, () => answer(request, response, known, added)),
      )
    }
    return Object.assign(handle, { [exactlyOnce]: true } as const)
  }

  function openSession(request: RouteRequest, response: ServerResponse): void {
    if (token && !sameToken(token, request.headers[tokenHeader])) {
      return send(response, problem(403, 'Forbidden', { detail: 'sessions are for balancers that know the token' }))
    }
    whenLeading(request, response, () => {
      checkpoint.openSession().then(
        (session) => send(response, { status: 201, body: { session } }),
        (error: unknown) => sendError(response, error, onceOnly),
      )
    })
  }

  return { route, note, openSession }
}

/** What an error tells a client of the request. */
interface Asked {
  /** Its `Idempotency-Key`, under which it may be asked again. */
  readonly key: string | null
  /** True if the same may have been asked, and applied, before. */
  readonly before: boolean
}

const onceOnly: Asked = { key: null, before: false }

function askedOf({ method = '', headers }: RouteRequest, note: RequestNote | undefined): Asked {
  if (isSafe(method)) return onceOnly
  const key = headers[keyHeader]
  const named = typeof key === 'string' && key !== ''
  return { key: named ? key : null, before: named || (note !== undefined && note.replays > 0) }
}

/** True if it was refused before anybody looked whether it is known: that says nothing of an earlier sending. */
function isUnseen({ code }: CheckpointError): boolean {
  return code === 'QUEUE_FULL' || code === 'NOT_ACTIVE'
}

/** An answer with its body encoded once. */
interface Answer {
  readonly status: number
  readonly headers: RouteResponse['headers']
  readonly text: string | undefined
}

function answerOf(response: RouteResponse): Answer {
  if (response instanceof Promise) {
    response.catch(() => undefined) // its failure is the one reported here
    throw new CheckpointError('OUTSIDE_TRANSACTION', 'a route must be synchronous: do what needs await before it')
  }
  const { status = 200, headers, body } = response
  // Inside the transaction: what cannot be sent must not be recorded, or every successor would fail on it in turn.
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(`a route answered the status ${status}; expected an integer from 200 to 599`)
  for (const name in headers) {
    validateHeaderName(name)
    validateHeaderValue(name, headers[name]!)
  }
  return { status, headers, text: body === undefined ? undefined : JSON.stringify(body) }
}

function responseTextOf({ status, headers, text }: Answer): string {
  const head =
    headers === undefined ? `{"status":${status}` : `{"status":${status},"headers":${JSON.stringify(headers)}`
  return text === undefined ? `${head}}` : `${head},"body":${text}}`
}

/** What of an answer waits until it may leave; that of a read is never recorded. */
function textOf({ text = '' }: Answer): string {
  return text
}

/** Who asks; or, as a sentence, why that cannot be told. */
function identify(request: RouteRequest, note: RequestNote | undefined): Identity | undefined | string {
  const header = request.headers[keyHeader]
  const bySession =
    note?.session != null ? { request: [note.session, note.number, note.lowestWaiting] as const } : undefined
  if (typeof header !== 'string' || header === '') return bySession
  if (header.length > keyLengthMax) return `Idempotency-Key has more than ${keyLengthMax} characters`
  // Scoped by caller, so that nobody can fetch another's answer by its key.
  const scope = hash(String(request.headers.authorization ?? ''))
  const body = bodyText(request.body)
  if (body === undefined) return 'the body cannot be written as JSON, and is part of what an Idempotency-Key stands for'
  const asked = `${request.method} ${request.originalUrl ?? request.url}\n${body}`
  return { ...bySession, key: `${scope}:${header}`, fingerprint: hash(asked) }
}

function bodyText(body: unknown): string | undefined {
  try {
    return JSON.stringify(body) ?? ''
  } catch {
    return undefined // such as one that a parser nested too deeply
  }
}

function queryOf(url: string): NodeJS.Dict<string | string[]> {
  const start = url.indexOf('?')
  return parseQuery(start === -1 ? '' : url.slice(start + 1))
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

function sameToken(token: Buffer, given: string | string[] | undefined): boolean {
  if (typeof given !== 'string') return false
  const bytes = Buffer.from(given)
  return bytes.length === token.length && timingSafeEqual(bytes, token)
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
}
