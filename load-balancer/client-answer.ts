/** What `node:http` and `node:http2` want said differently: heads, early hints, trailers, cuts, and whether a body follows. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { HeaderObject } from './forwarding.ts'
import { earlyLinks, toTrailers } from './message-headers.ts'

/** Writes the head of an answer. Throws if a header cannot be expressed. */
export function writeHead(
  response: ServerResponse,
  status: number,
  headers: string[],
  statusText = STATUS_CODES[status] ?? '',
): void {
  if (response.req.httpVersionMajor < 2) response.writeHead(status, statusText, headers)
  else response.writeHead(status, byName(headers))
}

/** True if trailers can follow what is answered to this request: in chunks, or in HTTP/2. */
export function takesTrailers({ req }: ServerResponse): boolean {
  return req.httpVersion !== '1.0' && req.method !== 'HEAD'
}

/** Tells the client early what it may fetch meanwhile, if it can hear that now (RFC 8297). */
export function writeHints(response: ServerResponse, headers: HeaderObject): void {
  const link = earlyLinks(headers)
  if (link.length === 0 || response.req.httpVersion === '1.0') return
  if (response.headersSent || response.destroyed || response.writableNeedDrain) return
  try {
    response.writeEarlyHints({ link })
  } catch {
    // Links that Node does not take: a hint may always be left unsaid.
  }
}

/** Says what follows the body; `end` is to follow. */
export function writeTrailers(response: ServerResponse, trailers: HeaderObject): void {
  if (takesTrailers(response)) response.addTrailers(toTrailers(trailers) as Record<string, string>)
}

/** Ends an answer so that its client sees that something is missing. */
export function cutAnswer(response: ServerResponse): void {
  // Without a code Node says NO_ERROR, after which clients take what they have for all of it.
  if ('stream' in response) (response.stream as ServerHttp2Stream).close(constants.NGHTTP2_INTERNAL_ERROR)
  // Of a client that takes nothing the stream would not close before its connection does.
  response.destroy()
}

/** A flat list as an object; HTTP/2 has no other form in which a name may come twice. */
function byName(flat: string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index]!.toLowerCase()
    const value = flat[index + 1]!
    const before = headers[name]
    headers[name] = before === undefined ? value : [...(typeof before === 'string' ? [before] : before), value]
  }
  return headers
}

/** True if an HTTP/2 request has no body: there it says so itself, with its head. */
export function endsWithHead(request: IncomingMessage): boolean {
  return (request as unknown as { stream: ServerHttp2Stream }).stream.endAfterHeaders
}
