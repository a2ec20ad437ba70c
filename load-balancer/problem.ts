/** The answers that the balancer gives itself: RFC 9457 problems, in one table. Pure. */
import { addProvenance, type Provenance } from './message-headers.ts'

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
  'body timed out': { status: 408, title: 'The request body did not arrive' },
} as const
export type ProblemType = keyof typeof problems

export interface Problem {
  type: ProblemType
  outcome: 'not applied' | 'unknown'
  /** The client's own Idempotency-Key, null if it sent none. */
  key: string | null
}

/** Seconds after which a client may try again; a failover is over long before. */
const retryAfterSeconds = 1

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
  if (status === 503) headers.push('retry-after', String(retryAfterSeconds))
  addProvenance(headers, provenance)
  return { status, headers, body }
}
