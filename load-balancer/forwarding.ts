/**
 * What a backend is told of who asked: `X-Forwarded-*`, `Forwarded` (RFC 7239), `Via` and `traceparent`.
 * A client's own claims are replaced, unless it is a neighbour that is trusted: then they are carried on. Pure.
 */
import { proxyName } from '../checkpoint/request-headers.ts'
import { isTraceparent, makeTraceparent } from './trace-context.ts'

export type HeaderObject = Record<string, string | string[] | undefined>

/** What of a request is looked at. */
export interface Received {
  httpVersion: string
  httpVersionMajor: number
  url?: string | undefined
  headers: HeaderObject
  rawHeaders: string[]
  socket: { remoteAddress?: string | undefined; encrypted?: boolean }
}

export interface ForwardingOptions {
  /** True if what the neighbour with this address says of its client is believed. */
  trusts: (address: string) => boolean
  /** 48 random hexadecimal digits. */
  randomHex: () => string
}

/** What stays the same for all requests of a connection, and the headers of the last one. */
interface Peer {
  address: string
  protocol: 'http' | 'https'
  trusted: boolean
  host: string | undefined
  httpVersion: string
  added: string[]
}

/** What neighbours claim beside the headers that are written here: carried on as it is from those that are trusted. */
const otherClaims = [
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-scheme',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-real-ip',
  'x-client-ip',
]

/** Names of what is written here: whatever a client sends under these is left out first. */
export const forwardingHeaders = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  ...otherClaims,
  'forwarded',
  'via',
  'traceparent',
]

export class Forwarding {
  readonly #options: ForwardingOptions
  readonly #peers = new WeakMap<object, Peer>()

  constructor(options: ForwardingOptions) {
    this.#options = options
  }

  /** The headers to add for one request, flat, without the trace. Not to be changed: a connection's requests share it. */
  headersFor(request: Received): readonly string[] {
    const { socket, headers } = request
    let peer = this.#peers.get(socket)
    if (!peer) {
      const address = plainAddress(socket.remoteAddress)
      const protocol = socket.encrypted ? 'https' : 'http'
      const trusted = this.#options.trusts(address)
      peer = { address, protocol, trusted, host: undefined, httpVersion: '', added: [] }
      this.#peers.set(socket, peer)
    }
    const host = hostOf(request)
    if (headers.via !== undefined || peer.trusted) return headersOf(peer, request, host)
    if (peer.host !== host || peer.httpVersion !== request.httpVersion) {
      peer.host = host
      peer.httpVersion = request.httpVersion
      peer.added = headersOf(peer, request, host)
    }
    return peer.added
  }

  /** The client's `traceparent` if it is one, or a new one. */
  traceFor(headers: HeaderObject): string {
    const given = headers.traceparent
    return given !== undefined && isTraceparent(given) ? given : makeTraceparent(this.#options.randomHex())
  }
}

/** The host that was asked for (RFC 9112 3.2.2: that of an absolute form, whatever Host says; RFC 9113 8.3.1: `:authority`). */
export function hostOf({ url, headers, httpVersionMajor }: Received): string | undefined {
  const host = headers.host as string | undefined
  if (httpVersionMajor > 1) return (headers[':authority'] as string | undefined) ?? host
  if (url === undefined || url.charCodeAt(0) === slash) return host
  return URL.parse(url)?.host || host
}
const slash = '/'.charCodeAt(0)

/** An address with neither zone nor the disguise of IPv4 as IPv6. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
  const zone = plain.indexOf('%')
  return zone === -1 ? plain : plain.slice(0, zone)
}

function headersOf(peer: Peer, { headers, httpVersion }: Received, host: string | undefined): string[] {
  const claimed = (name: string) => (peer.trusted ? listOf(headers[name]) : undefined)
  const via = `${httpVersion === '2.0' ? '2' : httpVersion} ${proxyName}`
  const added = [
    'x-forwarded-for',
    append(claimed('x-forwarded-for'), peer.address),
    'x-forwarded-proto',
    claimed('x-forwarded-proto') ?? peer.protocol,
    'forwarded',
    append(claimed('forwarded'), element(peer, host)),
    'via',
    append(listOf(headers.via), via),
  ]
  const claimedHost = claimed('x-forwarded-host') ?? host
  if (claimedHost !== undefined) added.push('x-forwarded-host', claimedHost)
  for (const name of otherClaims) {
    const value = claimed(name)
    if (value !== undefined) added.push(name, value)
  }
  return added
}

function listOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

function append(before: string | undefined, value: string): string {
  return before === undefined || before === '' ? value : `${before}, ${value}`
}

/** One element of `Forwarded`. What is no token is quoted, and IPv6 stands in brackets (RFC 7239 section 6). */
function element({ address, protocol }: Peer, host: string | undefined): string {
  const source = address.includes(':') ? `"[${address}]"` : address
  const asked = host === undefined ? '' : `;host=${/^[\w.-]+$/.test(host) ? host : quoted(host)}`
  return `for=${source}${asked};proto=${protocol}`
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}
