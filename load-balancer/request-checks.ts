/**
 * What of a request that Node's parser took is refused all the same, because servers read it in more than one way.
 * One pass over the headers as they were written; nothing is made unless something is unusual. Pure.
 */
import type { ProblemType } from './problem.ts'

export interface RequestCheckLimits {
  urlBytesMax: number
  headerCountMax: number
  /** Largest body; 0 for any. */
  bodyBytesMax: number
}

/** What is looked at. */
export interface CheckedRequest {
  url?: string | undefined
  httpVersionMajor: number
  httpVersionMinor: number
  /** There with HTTP/2 alone: HTTP/1 may call itself 2.0. */
  stream?: unknown
  /** Names and values in turn, as the client wrote them. */
  rawHeaders: readonly string[]
}

/** Fields for all recipients, which no `Connection` may name (RFC 9110 7.6.1), and which no other name may look like. */
const endToEnd = new Set([
  'accept',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'origin',
  'range',
  'traceparent',
  'tracestate',
  'transfer-encoding',
  'via',
  'x-real-ip',
])
/** Fields of the connection, which no other name may look like either. */
const hopByHop = new Set(['connection', 'keep-alive', 'te', 'trailer', 'upgrade'])
const reservedPrefixes = ['x-heartline-', 'x-forwarded-', 'proxy-']

/** Values of `Connection` that name nothing but its own options. */
const usualConnection = new Set([
  'keep-alive',
  'close',
  'Keep-Alive',
  'Close',
  'Upgrade',
  'upgrade',
  'keep-alive, Upgrade',
])

/** RFC 3986 3.2.2 without the characters that no name in use has and that separate lists; RFC 1035 bounds the length. */
const authorityForm = /^(?:(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2}){1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{0,5}))?$/
const portMax = 65_535

/** Fields of which there is one. The lengths of these names differ, so that one look at the length finds the field. */
const single = [
  'host',
  'expect',
  'content-type',
  'authorization',
  'content-length',
  'idempotency-key',
  'transfer-encoding',
]
const longestSingle = Math.max(...single.map((name) => name.length))
const singleByLength = Array.from({ length: longestSingle + 1 }, (_, length) => {
  const index = single.findIndex((name) => name.length === length)
  return index < 0 ? undefined : { name: single[index]!, bit: 1 << index }
})
const [hostBit, expectBit, , , lengthBit, , encodingBit] = single.map((_, index) => 1 << index) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
]

export class RequestChecks {
  readonly #limits: RequestCheckLimits
  /** Hosts come again and again. */
  #soundHost = ''

  constructor(limits: RequestCheckLimits) {
    this.#limits = limits
  }

  /** Why the request is refused; undefined if it is not. */
  fault(request: CheckedRequest): ProblemType | undefined {
    const { url = '', httpVersionMajor: major, httpVersionMinor: minor, rawHeaders: raw } = request
    const { urlBytesMax, headerCountMax } = this.#limits
    // llhttp takes 0.9 and 2.0 too, and counts any body by the rules of 1.1.
    if (major === 1 ? minor > 1 : request.stream === undefined) return 'version unknown'
    if (url.length > urlBytesMax) return 'URL too long'
    // What follows # is no part of a target; some servers cut it off and some do not.
    if (url.includes('#')) return 'malformed'
    if (url.charCodeAt(0) !== slash && absoluteTarget(url) === undefined) return 'malformed'
    if (raw.length > 2 * headerCountMax) return 'too many headers'
    let seen = 0
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index]!
      if (isAlike(name)) return 'malformed'
      if (name.length === connectionLength && isNamed(name, 'connection')) {
        if (namesEndToEnd(raw[index + 1]!)) return 'malformed'
        continue
      }
      if (major === 2 && name === ':authority' && !isAuthority(raw[index + 1]!)) return 'malformed'
      const field = name.length <= longestSingle ? singleByLength[name.length] : undefined
      if (field === undefined || !isNamed(name, field.name)) continue
      if ((seen & field.bit) !== 0) return field.bit === expectBit ? 'expectation unknown' : 'malformed'
      seen |= field.bit
      const fault = this.#fieldFault(field.bit, raw[index + 1]!, minor)
      if (fault) return fault
    }
    if ((seen & lengthBit) !== 0 && (seen & encodingBit) !== 0) return 'malformed'
    if ((seen & hostBit) === 0 && major === 1 && minor === 1) return 'malformed'
    return undefined
  }

  #fieldFault(bit: number, value: string, minor: number): ProblemType | undefined {
    switch (bit) {
      case hostBit:
        if (value === this.#soundHost) return undefined
        if (!isAuthority(value)) return 'malformed'
        this.#soundHost = value
        return undefined
      case encodingBit:
        // RFC 9112 6.1: in 1.0 the framing is faulty. Other codings would reach the backend undone by nobody.
        if (minor === 0) return 'malformed'
        return isNamed(value, 'chunked') ? undefined : 'coding unknown'
      case lengthBit:
        if (!isCount(value)) return 'malformed'
        return this.#limits.bodyBytesMax > 0 && Number(value) > this.#limits.bodyBytesMax ? 'body too large' : undefined
      case expectBit:
        return isNamed(value, '100-continue') ? undefined : 'expectation unknown'
      default:
        return undefined
    }
  }
}

const slash = '/'.charCodeAt(0)
/** As many as the largest number has that is counted without loss. */
const digitsMax = 16
const connectionLength = 'connection'.length

/** A host with or without a port, as it stands in `Host` and in an absolute target. */
export function isAuthority(text: string): boolean {
  const found = authorityForm.exec(text)
  return found !== null && (found[1] === undefined || Number(found[1]) <= portMax)
}

/** An absolute target (RFC 9112 3.2.2) in its parts, the path just as it was written; undefined if it is none. */
export function absoluteTarget(url: string): { authority: string; path: string } | undefined {
  const found = /^https?:\/\/([^/?#\\]*)(.*)$/is.exec(url)
  if (!found || !isAuthority(found[1]!)) return undefined
  const rest = found[2]!
  if (rest.startsWith('\\')) return undefined
  return { authority: found[1]!, path: rest.startsWith('/') ? rest : `/${rest}` }
}

/** What of a request is changed for its target. */
export interface TargetedRequest {
  url?: string | undefined
  headers: { host?: string | undefined }
  rawHeaders: string[]
}

/** Puts the path for the target, and the authority of an absolute form for the Host, whatever Host says. */
export function takeTarget(request: TargetedRequest): void {
  if (request.url!.charCodeAt(0) === slash) return
  const { authority, path } = absoluteTarget(request.url!)!
  request.url = path
  request.headers.host = authority
  const { rawHeaders: raw } = request
  for (let index = 0; index < raw.length; index += 2) {
    if (isNamed(raw[index]!, 'host')) raw[index + 1] = authority
  }
}

/** Writes the framing of a request that passed the checks in the one way that all servers read alike. */
export function plainFraming(headers: Record<string, string | string[] | undefined>): void {
  if (headers['transfer-encoding'] !== undefined) headers['transfer-encoding'] = 'chunked'
  if (headers['content-length'] !== undefined) headers['content-length'] = String(Number(headers['content-length']))
}

/** True if `text` is `name`, which is in small letters, in letters of any size. */
function isNamed(text: string, name: string): boolean {
  if (text === name) return true
  if (text.length !== name.length) return false
  for (let index = 0; index < name.length; index += 1) {
    const code = text.charCodeAt(index)
    const small = code >= 65 && code <= 90 ? code | 32 : code
    if (small !== name.charCodeAt(index)) return false
  }
  return true
}

function isCount(text: string): boolean {
  if (text.length === 0 || text.length > digitsMax) return false
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code < 48 || code > 57) return false
  }
  return Number.isSafeInteger(Number(text))
}

function isReserved(name: string): boolean {
  return endToEnd.has(name) || reservedPrefixes.some((prefix) => name.startsWith(prefix))
}

/** CGI and its heirs know no difference between `_` and `-` (RFC 3875 4.1.18): what only that tells apart is a forgery. */
export function isAlike(name: string): boolean {
  if (!name.includes('_')) return false
  const alike = name.toLowerCase().replaceAll('_', '-')
  return isReserved(alike) || hopByHop.has(alike)
}

function namesEndToEnd(value: string): boolean {
  if (usualConnection.has(value)) return false
  return value
    .toLowerCase()
    .split(',')
    .some((option) => endToEnd.has(option.trim()) || /^x-(heartline|forwarded)-/.test(option.trim()))
}
