/**
 * Reads what arrived at a backend in the strictest way there is (RFC 9112 3, 5, 6, 7): whatever one server could read
 * otherwise than another is a violation. Written apart from the code that it judges. Pure.
 */
export interface ArrivedRequest {
  method: string
  target: string
  /** By lower-case name, in order; several values of one name are joined by a comma. */
  headers: Map<string, string>
  body: string
}

export interface Arrived {
  requests: ArrivedRequest[]
  /** What is left: the beginning of a request, perhaps. One character for each byte. */
  rest: string
  /** Why what is left is no request that everybody reads alike. */
  violation: string | undefined
}

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\/[!-"$-~\x80-\xff]*) HTTP\/1\.1$/
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)[\t ]*$/
const authority = /^(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})+(?::\d*)?$|^\[[0-9A-Fa-f:.]+\](?::\d*)?$/
const single = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'authorization',
  'content-type',
  'idempotency-key',
  'expect',
  'x-heartline-request',
  'x-forwarded-for',
  'x-forwarded-host',
])
/** What may never stand in a trailer (RFC 9110 6.5.1). */
const neverTrailers =
  /^(content-|transfer-encoding|host|authorization|cookie|connection|trailer|te|expect|via|forwarded|x-forwarded|x-heartline|idempotency-key|proxy-|keep-alive|upgrade)/

class Violation extends Error {}

/** Undefined: more bytes are needed. */
type Found<What> = { what: What; next: number } | undefined

export function readArrived(bytes: string): Arrived {
  const requests: ArrivedRequest[] = []
  let at = 0
  try {
    while (at < bytes.length) {
      const found = readRequest(bytes, at)
      if (!found) break
      requests.push(found.what)
      at = found.next
    }
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    return { requests, rest: bytes.slice(at), violation: error.message }
  }
  return { requests, rest: bytes.slice(at), violation: undefined }
}

function readRequest(bytes: string, start: number): Found<ArrivedRequest> {
  const end = bytes.indexOf('\r\n\r\n', start)
  if (end < 0) return undefined
  const [first, ...lines] = bytes.slice(start, end).split('\r\n')
  const line = requestLine.exec(first!)
  if (!line) throw new Violation(`request line ${JSON.stringify(first)}`)
  const headers = readHeaders(lines)
  const body = readBody(bytes, end + 4, headers)
  return body && { what: { method: line[1]!, target: line[2]!, headers, body: body.what }, next: body.next }
}

function readHeaders(lines: string[]): Map<string, string> {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = headerLine.exec(line) ?? []
    if (name === undefined) throw new Violation(`header line ${JSON.stringify(line)}`)
    const key = name.toLowerCase()
    const before = headers.get(key)
    if (before !== undefined && single.has(key)) throw new Violation(`${key} twice`)
    headers.set(key, before === undefined ? value! : `${before}, ${value}`)
  }
  const host = headers.get('host')
  if (host === undefined || !authority.test(host)) throw new Violation(`host ${JSON.stringify(host)}`)
  return headers
}

function readBody(bytes: string, start: number, headers: Map<string, string>): Found<string> {
  const length = headers.get('content-length')
  const coding = headers.get('transfer-encoding')
  if (length !== undefined && coding !== undefined) throw new Violation('both lengths')
  if (coding !== undefined && coding !== 'chunked') throw new Violation(`coding ${JSON.stringify(coding)}`)
  if (coding !== undefined) return readChunks(bytes, start)
  if (length === undefined) return { what: '', next: start }
  if (!/^\d{1,15}$/.test(length)) throw new Violation(`length ${JSON.stringify(length)}`)
  const next = start + Number(length)
  return next <= bytes.length ? { what: bytes.slice(start, next), next } : undefined
}

function readChunks(bytes: string, start: number): Found<string> {
  let body = ''
  let at = start
  for (;;) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const size = bytes.slice(at, end)
    if (!/^[0-9a-fA-F]{1,12}$/.test(size)) throw new Violation(`chunk size ${JSON.stringify(size.slice(0, 50))}`)
    const length = Number.parseInt(size, 16)
    at = end + 2
    if (length === 0) break
    if (at + length + 2 > bytes.length) return undefined
    body += bytes.slice(at, at + length)
    if (bytes.slice(at + length, at + length + 2) !== '\r\n') throw new Violation('chunk without its end')
    at += length + 2
  }
  for (;;) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const line = bytes.slice(at, end)
    at = end + 2
    if (line === '') return { what: body, next: at }
    const name = headerLine.exec(line)?.[1]
    if (name === undefined || neverTrailers.test(name.toLowerCase())) throw new Violation(`trailer ${line}`)
  }
}
