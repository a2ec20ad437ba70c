/**
 * The HTTP headers by which a balancer and a backend speak about one request, beside the client's own.
 * They are ours end to end: a balancer strips whatever a client sends under `x-heartline-`.
 */

/** Request: who asks, see {@link formatRequestHeader}. Honoured only with {@link tokenHeader} where a token is set. */
export const requestHeader = 'x-heartline-request'
/** Request: the shared token, where one is configured. */
export const tokenHeader = 'x-heartline-token'
/**
 * Request, balancer to backend: a standby may answer this safe request from its own state, see {@link formatReadsHeader}. Honoured only
 * with {@link tokenHeader} where a token is set.
 */
export const readsHeader = 'x-heartline-reads'
/**
 * Response to a request with {@link readsHeader}: every write acknowledged more than so many milliseconds before this answer was given is
 * in it (`staleness.ts` tells what that rests on). 0 from an active, whose reads are linearizable.
 */
export const stalenessHeader = 'x-heartline-staleness'
/** Response of a standby: how many records of the journal the answer reflects. */
export const offsetHeader = 'x-heartline-offset'
/** Response: the name of the backend that answered. */
export const backendHeader = 'x-heartline-backend'
/** Response: the epoch under which the answer was given. */
export const epochHeader = 'x-heartline-epoch'
/** Response: how often the request was sent again; absent when it was not. */
export const replaysHeader = 'x-heartline-replays'
/**
 * Response, backend to balancer only: the backend did not run this request, and why; see {@link Refusal}.
 * A balancer acts on it and never shows it to a client.
 */
export const refusedHeader = 'x-heartline-refused'
/** Response beside `x-heartline-refused: not-active`: the epoch and URL that the backend's journal shows, `EPOCH URL` (URL may be `-`). */
export const activeHeader = 'x-heartline-active'

/**
 * Why a backend did not run a request. The transaction was certainly not applied by this sending of it.
 * - `not-active` (421): another backend leads, or none; to be sent again where the decision points.
 * - `session-ended` (410): the session is not open; a first sending may be renumbered under a new session, a replay must not.
 */
export const refusals = ['not-active', 'session-ended'] as const
export type Refusal = (typeof refusals)[number]

/** Path on a backend where a balancer opens its session: `POST`, answered 201 `{session}`. Sessions are RIFL's clients (Lee et al., SOSP 2015). */
export const sessionsPath = '/.heartline/sessions'

/** What a balancer says of one sending of one request. */
export interface RequestNote {
  /** The session that numbers this request, or null for a request that needs no exactly-once (GET, HEAD, OPTIONS). */
  session: string | null
  /** The request's number within the session, from 1; 0 without a session. */
  number: number
  /** The lowest number of the session that still waits for an answer: whatever is below may be forgotten. */
  lowestWaiting: number
  /** The epoch the balancer follows. A backend named at this epoch holds the request until its claim is valid. */
  epoch: number
  /** How often this request was sent before. */
  replays: number
}

/** As what a balancer names itself in `Via` of all that it sends on for a client (RFC 9110 7.6.3); its own requests have none. */
export const proxyName = 'heartline'

/** Encodes that a standby may answer, if its state is at most `limitMs` old: `standby LIMIT_MS`. */
export function formatReadsHeader(limitMs: number): string {
  return `standby ${Math.floor(limitMs)}`
}

/** The limit in milliseconds; undefined if the text does not say that a standby may answer. */
export function parseReadsHeader(text: string): number | undefined {
  const limit = /^standby (\d{1,15})$/.exec(text)?.[1]
  return limit === undefined ? undefined : Number(limit)
}

/** Encodes a note as `SESSION NUMBER LOWEST EPOCH REPLAYS`, with `-` for no session. */
export function formatRequestHeader(note: RequestNote): string {
  return `${note.session ?? '-'} ${note.number} ${note.lowestWaiting} ${note.epoch} ${note.replays}`
}

/** Decodes a note; undefined if the text is not one. */
export function parseRequestHeader(text: string): RequestNote | undefined {
  const parts = text.split(' ')
  if (parts.length !== 5) return undefined
  const [session, ...numbers] = parts as [string, string, string, string, string]
  const [number, lowestWaiting, epoch, replays] = numbers.map(Number) as [number, number, number, number]
  if (session.length === 0 || session.length > 64) return undefined
  for (const value of [number, lowestWaiting, epoch, replays])
    if (!Number.isSafeInteger(value) || value < 0) return undefined
  return { session: session === '-' ? null : session, number, lowestWaiting, epoch, replays }
}
