/** Which headers pass between client and backend (RFC 9110 7.6.1), and what a proxy adds. Pure. */
import {
  activeHeader,
  backendHeader,
  epochHeader,
  refusedHeader,
  replaysHeader,
} from '../checkpoint/request-headers.ts'

/** The name by which this proxy shows itself in `Via`. */
export const viaName = '1.1 heartline'
const ownPrefix = 'x-heartline-'

/** Headers that are about one connection, and never pass. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** Headers of a request that this proxy answers to, or writes itself. */
const ownRequest = new Set([
  'expect',
  'content-length',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'via',
])
/** Headers of a response that this proxy writes itself, or keeps to itself. */
const ownResponse = new Set([backendHeader, epochHeader, replaysHeader, refusedHeader, activeHeader, 'via'])

/** Who sent a request, as the next hop is told. */
export interface Origin {
  address: string
  protocol: 'http' | 'https'
  host: string | undefined
}

/** What of a request tells who sent it. */
interface Received {
  socket: { remoteAddress?: string | undefined }
  headers: { host?: string | undefined }
}

export function originOf({ socket, headers }: Received): Origin {
  return { address: socket.remoteAddress ?? 'unknown', protocol: 'http', host: headers.host }
}

type HeaderObject = Record<string, string | string[] | undefined>

/** The headers that `Connection` names beside its own options; undefined if there are none. */
function connectionListed(value: string | string[] | undefined): Set<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined
  const text = typeof value === 'string' ? value : value.join(',')
  return new Set(text.split(',').map((token) => token.trim().toLowerCase()))
}

/** The headers that name the hop before this one. What a client claims about host and protocol is not believed. */
function forwarding(headers: HeaderObject, origin: Origin): [string, string][] {
  const before = headers['x-forwarded-for']
  const via = headers.via
  const added: [string, string][] = [
    ['x-forwarded-for', before === undefined ? origin.address : `${before}, ${origin.address}`],
    ['x-forwarded-proto', origin.protocol],
    ['via', via === undefined ? viaName : `${via}, ${viaName}`],
  ]
  if (origin.host !== undefined) added.push(['x-forwarded-host', origin.host])
  return added
}

function passes(name: string, own: Set<string>, listed: Set<string> | undefined): boolean {
  return !hopByHop.has(name) && !own.has(name) && !name.startsWith(ownPrefix) && !listed?.has(name)
}

/**
 * The headers that a backend gets, as a flat list of names and values.
 * @param raw names and values as the client wrote them
 * @param headers the same, by lower-case name
 */
export function toBackend(raw: string[], headers: HeaderObject, origin: Origin): string[] {
  const listed = connectionListed(headers.connection)
  const kept: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!
    if (passes(name.toLowerCase(), ownRequest, listed)) kept.push(name, raw[index + 1]!)
  }
  for (const [name, value] of forwarding(headers, origin)) kept.push(name, value)
  return kept
}

/** The same for a header object that another proxy library sends on: changed in place. Upgrade and framing stay. */
export function toBackendInPlace(headers: HeaderObject, origin: Origin): void {
  const listed = connectionListed(headers.connection)
  const framing = ['connection', 'upgrade', 'transfer-encoding']
  const added = forwarding(headers, origin)
  for (const name of Object.keys(headers)) {
    if (framing.includes(name) || name === 'content-length') continue
    if (!passes(name, ownRequest, listed)) delete headers[name]
  }
  if (headers.connection !== undefined) {
    headers.connection = headers.upgrade !== undefined && listed?.has('upgrade') ? 'Upgrade' : 'close'
  }
  for (const [name, value] of added) headers[name] = value
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
  for (const name in headers) {
    if (!passes(name, ownResponse, listed)) continue
    const value = headers[name]!
    if (typeof value === 'string') kept.push(name, value)
    else for (const single of value) kept.push(name, single)
  }
  const via = headers.via
  kept.push('via', via === undefined ? viaName : `${via}, ${viaName}`)
  const said = { backend: headers[backendHeader], epoch: headers[epochHeader] }
  addProvenance(kept, {
    backend: typeof said.backend === 'string' ? said.backend : provenance.backend,
    epoch: typeof said.epoch === 'string' ? said.epoch : provenance.epoch,
    replays: provenance.replays,
  })
  return kept
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
