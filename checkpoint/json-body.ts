/**
 * The JSON body of a request that no middleware has read: what plain `node:http` leaves to its authors. Bounded, and refused where it
 * cannot be read for certain: the body is part of what an `Idempotency-Key` stands for.
 */
import type { IncomingMessage } from 'node:http'
import { CheckpointError } from './errors.ts'
import { isSafe } from './http-methods.ts'
import type { Json } from './record.ts'
import { mustBeShallow, nestingMax } from './store.ts'

/** How long what a client still sends of a body that was refused is read and dropped, so that it can read the answer; then it is cut. */
const lingerMs = 1_000
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * True if the request carries a body that nobody has read or parsed. That of a safe method has no meaning (RFC 9110 9.3.1) and is left
 * alone.
 */
export function hasUnreadBody(request: object): request is IncomingMessage {
  if ((request as { body?: unknown }).body !== undefined) return false // read by middleware: most are, where there is any
  const { method = '', headers, readableDidRead, readableEnded } = request as IncomingMessage
  if (isSafe(method) || readableDidRead !== false || readableEnded) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/**
 * Reads the body and parses it.
 * @throws CheckpointError BODY_NOT_JSON if it says that it is something else, BODY_TOO_LARGE above `bytesMax`, at the first byte too many,
 * BODY_MALFORMED if it is no JSON text in UTF-8, nested too deeply, or ended before it was whole.
 */
export async function readJsonBody(request: IncomingMessage, bytesMax: number): Promise<Json> {
  mustBeJson(request)
  const bytes = await readBytes(request, bytesMax)
  let value: Json
  try {
    value = JSON.parse(decoder.decode(bytes)) as Json
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CheckpointError('BODY_MALFORMED', `the body is not JSON text in UTF-8: ${reason}`, cause)
  }
  if (bytes.length > 2 * nestingMax) mustBeShallowBody(value)
  return value
}

/** Lets a client that still sends read its refusal, and ends the connection if it goes on for long. */
export function dropRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return
  request.resume()
  const timer = setTimeout(() => request.socket.destroy(), lingerMs)
  request.once('close', () => clearTimeout(timer))
}

function mustBeJson({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  const [type = '', ...parameters] = (headers['content-type'] ?? 'application/json').split(';')
  const charset = parameters.map((parameter) => /^\s*charset="?([^"]*)"?\s*$/i.exec(parameter)?.[1]).find(Boolean)
  const isJson = /^\s*(application\/json|[^/\s]+\/[^/\s]+\+json)\s*$/i.test(type)
  if (isJson && encoding.toLowerCase() === 'identity' && (charset ?? 'utf-8').toLowerCase() === 'utf-8') return
  const found = `${headers['content-type'] ?? 'no content type'}${encoding === 'identity' ? '' : `, ${encoding}`}`
  throw new CheckpointError(
    'BODY_NOT_JSON',
    `expected a body of application/json in UTF-8, not encoded; this is ${found}`,
  )
}

function mustBeShallowBody(value: Json): void {
  try {
    mustBeShallow(value, 'the body')
  } catch (cause) {
    throw new CheckpointError('BODY_MALFORMED', (cause as Error).message, cause)
  }
}

function readBytes(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const tooLarge = () =>
    new CheckpointError('BODY_TOO_LARGE', `the body has more than ${bytesMax} bytes, which is all that is taken here`)
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const gone = () => reject(new CheckpointError('BODY_MALFORMED', 'the client went away before its body was whole'))
    if (request.destroyed) return gone()
    const chunks: Buffer[] = []
    let bytes = 0
    const done = (settle: () => void) => {
      request.off('data', onData).off('end', onEnd).off('close', onGone)
      settle()
    }
    const onData = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > bytesMax) done(() => reject(tooLarge()))
      else chunks.push(chunk)
    }
    const onEnd = () => done(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    const onGone = () => done(gone)
    request.on('data', onData).on('end', onEnd).on('close', onGone)
    request.on('error', () => undefined) // a client that goes away: told by 'close'
  })
}
