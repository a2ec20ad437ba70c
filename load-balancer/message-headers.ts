/** Which headers pass between client and backend (RFC 9110 7.6.1), and what a proxy adds. Pure. */
import {
  activeHeader,
  backendHeader,
  epochHeader,
  offsetHeader,
  proxyName,
  refusedHeader,
  replaysHeader,
  stalenessHeader,
} from '../checkpoint/request-headers.ts'
import { type Forwarding, forwardingHeaders, type HeaderObject, hostOf, type Received } from './forwarding.ts'
import { isAlike } from './request-checks.ts'

const ownPrefix = 'x-heartline-'

/** Headers that are about one connection, and never pass. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]
/** Headers of a request that do not pass as they are: those of a connection, and what this proxy answers to or writes. */
const notToBackend = new Set([...hopByHop, ...forwardingHeaders, 'expect', 'content-length'])
/** The same where the trace is not carried on: its state means nothing without it. */
const notToBackendUntraced = new Set([...notToBackend, 'tracestate'])
/** Headers of a response that this proxy writes itself, or keeps to itself. */
const notToClient = new Set([
  ...hopByHop,
  backendHeader,
  epochHeader,
  replaysHeader,
  refusedHeader,
  activeHeader,
  'via',
])
/** How a response came here. */
const responseVia = `1.1 ${proxyName}`

/** The headers that `Connection` names beside its own options; undefined if there are none. */
function connectionListed(value: string | string[] | undefined): Set<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'Keep-Alive' || value === 'close') return undefined
  const text = typeof value === 'string' ? value : value.join(',')
  return new Set(text.split(',').map((token) => token.trim().toLowerCase()))
}

function passes(name: string, dropped: Set<string>, listed: Set<string> | undefined): boolean {
  return !dropped.has(name) && !name.startsWith(ownPrefix) && !(listed?.has(name) && name !== 'host')
}

function droppedOf(headers: HeaderObject, trace: string): Set<string> {
  return headers.tracestate === undefined || headers.traceparent === trace ? notToBackend : notToBackendUntraced
}

/** The headers that a backend gets, as a flat list of names and values. */
export function toBackend(request: Received, forwarding: Forwarding): string[] {
  const { headers } = request
  const listed = connectionListed(headers.connection)
  const trace = forwarding.traceFor(headers)
  const dropped = droppedOf(headers, trace)
  const added = forwarding.headersFor(request)
  const raw =
    request.httpVersionMajor > 1 || request.url?.charCodeAt(0) !== slash ? rewritten(request) : request.rawHeaders
  const kept: string[] = []
  const usual = listed === undefined && dropped === notToBackend
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!
    if (usual ? usuallyPasses(name) : passes(name.toLowerCase(), dropped, listed)) kept.push(name, raw[index + 1]!)
  }
  for (let index = 0; index < added.length; index++) kept.push(added[index]!)
  kept.push('traceparent', trace)
  return kept
}
/** Verdicts by name as it is written: to find one again takes a third of the time. */
const verdicts = new Map<string, boolean>()
/** More names than honest clients use; whoever makes up others gets nothing remembered. */
const verdictsMax = 1_000

function usuallyPasses(name: string): boolean {
  const known = verdicts.get(name)
  if (known !== undefined) return known
  const verdict = passes(name.toLowerCase(), notToBackend, undefined)
  if (verdicts.size < verdictsMax) verdicts.set(name, verdict)
  return verdict
}

const slash = '/'.charCodeAt(0)

/** Flat headers of a request that was not in the form that backends get: HTTP/2, or with a whole URL. */
function rewritten(request: Received): string[] {
  const flat: string[] = []
  const host = hostOf(request)
  if (host !== undefined) flat.push('host', host)
  // By name, because HTTP/2 may split a cookie (RFC 9113 8.2.3).
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith(':') || name === 'host' || value === undefined) continue
    flat.push(name, typeof value === 'string' ? value : value.join(', '))
  }
  return flat
}

/** The same for a header object that another proxy library sends on: changed in place. Upgrade and framing stay. */
export function toBackendInPlace(request: Received, forwarding: Forwarding): void {
  const { headers } = request
  const listed = connectionListed(headers.connection)
  const framing = ['connection', 'upgrade', 'transfer-encoding', 'content-length']
  const trace = forwarding.traceFor(headers)
  const dropped = droppedOf(headers, trace)
  const added = forwarding.headersFor(request)
  const host = hostOf(request)
  for (const name of Object.keys(headers)) {
    // What stands for the request line of HTTP/2 is still read there, and left out by whoever sends.
    if (framing.includes(name) || name.startsWith(':')) continue
    if (!passes(name, dropped, listed)) delete headers[name]
  }
  if (headers.connection !== undefined) {
    headers.connection = headers.upgrade !== undefined && listed?.has('upgrade') ? 'Upgrade' : 'close'
  }
  if (host !== undefined) headers.host = host
  for (let index = 0; index < added.length; index += 2) headers[added[index]!] = added[index + 1]!
  headers.traceparent = trace
}

/** What never follows a body (RFC 9110 6.5.1): framing, routing, and what must be known before. */
const notAsTrailer = new Set([
  ...notToBackend,
  ...notToClient,
  'host',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'cookie',
  'idempotency-key',
  'max-forwards',
  'set-cookie',
])

/** The trailers that pass, in either direction. Those that no message can carry do not. */
export function toTrailers(trailers: HeaderObject): HeaderObject {
  const kept: HeaderObject = {}
  for (const [name, value] of Object.entries(trailers)) {
    const lower = name.toLowerCase()
    if (value === undefined || !passes(lower, notAsTrailer, undefined) || isAlike(lower)) continue
    if (/[^\t\x20-\x7e\x80-\xff]/.test(String(value))) continue
    kept[lower] = value
  }
  return kept
}

/** The links of an early hint, one by one. */
export function earlyLinks({ link }: HeaderObject): string[] {
  if (link === undefined) return []
  return (typeof link === 'string' ? [link] : link).flatMap((value) => value.split(/,\s*(?=<)/))
}

/** What is said with every answer. */
export interface Provenance {
  backend: string
  epoch: number | string
  replays: number
}

/** The headers of a backend's answer that a client gets, flat, with ours added. What the backend says of itself wins. */
export function toClient(headers: HeaderObject, provenance: Provenance): string[] {
  const listed = connectionListed(headers.connection)
  const kept: string[] = []
  let said = false
  for (const name in headers) {
    const verdict = listed?.has(name) ? 'dropped' : answerVerdict(name)
    if (verdict === 'ours') said = true
    if (verdict !== 'passes') continue
    const value = headers[name]!
    if (typeof value === 'string') kept.push(name, value)
    else for (const single of value) kept.push(name, single)
  }
  const via = headers.via
  kept.push('via', via === undefined ? responseVia : `${via}, ${responseVia}`)
  addProvenance(kept, said ? addSaid(kept, headers, provenance) : provenance)
  return kept
}

/** Adds what a backend of ours says of its answer; answers whose it is, for which its own word counts. */
function addSaid(kept: string[], headers: HeaderObject, { backend, epoch, replays }: Provenance): Provenance {
  const staleness = headers[stalenessHeader]
  if (staleness !== undefined) kept.push('X-Heartline-Staleness', String(staleness))
  const offset = headers[offsetHeader]
  if (offset !== undefined) kept.push('X-Heartline-Offset', String(offset))
  const said = { backend: headers[backendHeader], epoch: headers[epochHeader] }
  return {
    backend: typeof said.backend === 'string' ? said.backend : backend,
    epoch: typeof said.epoch === 'string' ? said.epoch : epoch,
    replays,
  }
}

type AnswerVerdict = 'passes' | 'dropped' | 'ours'
/** By name, as {@link verdicts}. */
const answerVerdicts = new Map<string, AnswerVerdict>()

function answerVerdict(name: string): AnswerVerdict {
  const known = answerVerdicts.get(name)
  if (known !== undefined) return known
  const verdict = name.startsWith(ownPrefix) ? 'ours' : notToClient.has(name) ? 'dropped' : 'passes'
  if (answerVerdicts.size < verdictsMax) answerVerdicts.set(name, verdict)
  return verdict
}

/** Adds our headers to a flat list. */
export function addProvenance(headers: string[], { backend, epoch, replays }: Provenance): void {
  headers.push('X-Heartline-Backend', backend, 'X-Heartline-Epoch', String(epoch))
  if (replays > 0) headers.push('X-Heartline-Replays', String(replays))
}

/**
 * The path to ask a backend for. Clients may send the absolute form (RFC 9112 3.2.2); backends get the origin form.
 * Undefined if it is neither, such as `*`.
 */
export function originForm(url: string): string | undefined {
  if (url.startsWith('/')) return url
  const parsed = URL.parse(url)
  return parsed && /^https?:$/.test(parsed.protocol) ? parsed.pathname + parsed.search : undefined
}
