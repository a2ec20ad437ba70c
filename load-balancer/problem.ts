/** The answers that the balancer gives itself: RFC 9457 problems, in one table. Pure. */
import type { IncomingMessage } from 'node:http'
import { isSafe } from '../checkpoint/http-methods.ts'
import { addProvenance, type Provenance } from './message-headers.ts'
import { type Outcome, outcomeOf } from './replay.ts'

export const problems = {
  'held too long': { status: 503, title: 'No active backend answered within the hold time' },
  'too many held': { status: 503, title: 'Too many requests wait for an active backend' },
  'too much held': { status: 503, title: 'Too many bytes of requests wait for an active backend' },
  'too much read': { status: 503, title: 'Too many request bodies are in memory' },
  stopping: { status: 503, title: 'The balancer is stopping' },
  'not replayable': {
    status: 502,
    title: 'The backend was lost while it had this request, which may not be sent again',
  },
  'session ended': { status: 502, title: 'The session of this request ended before its outcome was known' },
  'lost too often': { status: 502, title: 'Backends were lost each time they had this request' },
  'retried too often': {
    status: 502,
    title: 'The backend was lost while it had this request, and too many others are tried again',
  },
  'stream lost': { status: 502, title: 'The backend was lost while it had this request' },
  'stream refused': { status: 503, title: 'The backend takes no requests now' },
  'answer malformed': { status: 502, title: 'The backend answered with something that is not HTTP' },
  malformed: { status: 400, title: 'The request cannot be passed on as it is' },
  'version unknown': { status: 505, title: 'Only HTTP/1.1 and HTTP/1.0 are spoken here' },
  'coding unknown': { status: 501, title: 'chunked is the only transfer coding that is understood' },
  'expectation unknown': { status: 417, title: '100-continue is the only expectation that is understood' },
  'no tunnels': { status: 501, title: 'This is no proxy that opens tunnels' },
  'URL too long': { status: 414, title: 'The request target is longer than is taken here' },
  'too many headers': { status: 431, title: 'The request has more header fields than are taken here' },
  'headers too large': { status: 431, title: 'The request head is larger than is taken here' },
  'chunk extensions too large': { status: 413, title: 'The chunk extensions are larger than are taken here' },
  'body too large': { status: 413, title: 'The request body is larger than is taken here' },
  'body timed out': { status: 408, title: 'The request body did not arrive' },
  'headers timed out': { status: 408, title: 'The request did not arrive' },
  'too many requests': { status: 429, title: 'This client has too many requests under way' },
  'too many connections of one': { status: 429, title: 'This client has too many connections' },
  'too many connections': { status: 503, title: 'There are too many connections' },
} as const
export type ProblemType = keyof typeof problems

export interface Problem {
  type: ProblemType
  outcome: Outcome
  /** The client's own Idempotency-Key, null if it sent none. */
  key: string | null
}

/** Seconds after which a client may try again; a failover is over long before. */
const retryAfterSeconds = 1

/** The request's own key; null if it has none. */
export function keyOf({ headers }: Pick<IncomingMessage, 'headers'>): string | null {
  const key = headers['idempotency-key']
  return typeof key === 'string' ? key : null
}

/** What is known of a request that is refused unsent. What can never be passed on was not passed on before. */
export function refusal(
  type: ProblemType,
  request: Pick<IncomingMessage, 'headers' | 'method'>,
): Pick<Problem, 'outcome' | 'key'> {
  const key = keyOf(request)
  const forNow = problems[type].status === 503
  return { outcome: forNow ? outcomeOf({ safe: isSafe(request.method ?? ''), losses: 0, key }) : 'not applied', key }
}

/** Status, flat headers and body of the answer. */
export function problemAnswer(
  problem: Problem,
  provenance: Provenance,
): { status: number; headers: string[]; body: Buffer } {
  const { status, title } = problems[problem.type]
  const known =
    problem.outcome === 'unknown' ? { outcome: problem.outcome, key: problem.key } : { outcome: problem.outcome }
  const body = Buffer.from(JSON.stringify({ type: 'about:blank', title, status, ...known }))
  const headers = ['content-type', 'application/problem+json', 'content-length', String(body.length)]
  if (status === 503 || status === 429) headers.push('retry-after', String(retryAfterSeconds))
  addProvenance(headers, provenance)
  return { status, headers, body }
}
