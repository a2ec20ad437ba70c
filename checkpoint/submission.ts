/**
 * How one transaction enters the log: found again, refused, or run, encoded and checked against the limits, all before anything is
 * queued. Pure. Whatever comes out, also a refusal and a failure, is answered in log order: it tells of the state it saw.
 */
import { CheckpointError } from './errors.ts'
import { areMarks, type Encoded, type Marks } from './record.ts'
import type { Ticket } from './replica.ts'
import { mustBeShallowText, type Store, tooLarge } from './store.ts'

/** Who asks, where it is to be exactly once. */
export interface Identity {
  readonly request?: readonly [session: string, number: number, lowestWaiting: number]
  /** A client's own key, scoped by caller. */
  readonly key?: string
  /** Hash of what the client asked under `key`. */
  readonly fingerprint?: string
  /** True for a safe method: nothing recognises a replay of it, so it must change nothing. */
  readonly readOnly?: true
}

export interface SubmissionLimits {
  /** Most bytes of one transaction as journaled. */
  readonly transactionBytesMax: number
  /** Most bytes of one recorded response. */
  readonly responseBytesMax: number
}

/** A transaction that ran. A class, as `Encoded` is one. */
export class Ran<R> {
  readonly kind = 'ran'
  readonly result: R
  readonly responseText: string

  constructor(result: R, responseText: string) {
    this.result = result
    this.responseText = responseText
  }
}

/** What a caller is told when its place in the log is durable. */
export type Outcome<R> =
  | Ran<R>
  | { readonly kind: 'recorded'; readonly responseText: string; readonly byKey: boolean }
  | { readonly kind: 'failed'; readonly error: unknown }

/** A ticket together with what it will answer. */
export interface Submission<R> extends Ticket {
  readonly outcome: Outcome<R>
}

const nobody: Identity = {}

/**
 * Runs `work` upon the store's speculative state and makes its ticket.
 * `encodeResponse` gives the JSON text to record; it is called once, inside the transaction, so a failure takes all back.
 */
export function submission<R>(
  store: Store,
  limits: SubmissionLimits,
  work: () => R,
  encodeResponse: (result: R) => string,
  identity: Identity = nobody,
): Submission<R> {
  const known = recorded<R>(store, identity)
  if (known) return answerOnly(known)
  const marks = marksOf(identity)
  let responseText = ''
  let encoded: Encoded | null = null
  try {
    const { result, steps } = store.run(work, (value, steps) => {
      if (identity.readOnly && steps.length > 0) {
        throw new CheckpointError(
          'CHANGED_BY_READ',
          'a safe method (GET, HEAD) changed a map: a replay would apply it twice; use POST, PUT or DELETE',
        )
      }
      responseText = encodeResponse(value)
      if (typeof responseText !== 'string')
        // as JSON.stringify of undefined, whatever its type says
        throw new CheckpointError('NOT_SERIALISABLE', `the answer is ${typeof responseText} and must be a JSON text`)
      if (steps.length === 0 && !marks) return
      mustBeRecordable(limits, marks, responseText)
      encoded = store.encode(marks, marks && responseText, steps)
      if (encoded.end - encoded.start <= limits.transactionBytesMax) return
      store.forgetEncoded(encoded)
      throw tooLarge(encoded.end - encoded.start, limits)
    })
    const undo = encoded && store.speculate(steps, marks, responseText)
    return { encoded, undo, outcome: new Ran(result, responseText) }
  } catch (error) {
    return answerOnly({ kind: 'failed', error })
  }
}

/** The ticket that opens a session; its response is the session's name. */
export function openingSession(store: Store): Submission<string> {
  const session = store.remembered.nextSession()
  if (session === undefined) {
    return answerOnly({
      kind: 'failed',
      error: new CheckpointError('SESSIONS_FULL', 'too many sessions are open; try again when idle ones have ended'),
    })
  }
  const marks: Marks = { open: session }
  const responseText = JSON.stringify(session)
  return {
    encoded: store.encode(marks, null, []),
    undo: store.speculate([], marks, responseText),
    outcome: new Ran(session, responseText),
  }
}

function answerOnly<R>(outcome: Outcome<R>): Submission<R> {
  return { encoded: null, undo: null, outcome }
}

function recorded<R>(store: Store, { request, key, fingerprint = '' }: Identity): Outcome<R> | null {
  if (request) {
    const found = store.remembered.findRequest(...request)
    if (found.kind === 'recorded') return { kind: 'recorded', responseText: found.response, byKey: false }
    if (found.kind === 'full')
      return (
        recordedByKey(store, key, fingerprint) ??
        failed('SESSION_FULL', `the session ${request[0]} holds too many answers that its balancer still waits for`)
      )
    if (found.kind === 'ended') {
      return failed(
        'SESSION_ENDED',
        `the session ${request[0]} is not open, or its request ${request[1]} is done with; it is never run again`,
      )
    }
  }
  return recordedByKey(store, key, fingerprint)
}

function recordedByKey<R>(store: Store, key: string | undefined, fingerprint: string): Outcome<R> | null {
  if (key === undefined) return null
  const found = store.remembered.findKey(key, fingerprint)
  if (found.kind === 'recorded') return { kind: 'recorded', responseText: found.response, byKey: true }
  if (found.kind === 'mismatch')
    return failed(
      'KEY_MISMATCH',
      'this Idempotency-Key was used with another method, path or body; use a new key for a new request',
    )
  if (found.kind === 'full')
    return failed('KEYS_FULL', 'too many young Idempotency-Keys are remembered; try again later')
  return null
}

function failed<R>(code: ConstructorParameters<typeof CheckpointError>[0], message: string): Outcome<R> {
  return { kind: 'failed', error: new CheckpointError(code, message) }
}

/** What exactly-once is to remember of it; null if nothing. */
function marksOf({ request, key, fingerprint = '' }: Identity): Marks | null {
  if (key === undefined) return request === undefined ? null : { request }
  return request === undefined ? { key, fingerprint } : { request, key, fingerprint }
}

function mustBeRecordable(limits: SubmissionLimits, marks: Marks | null, responseText: string): void {
  if (!marks) return
  if (!areMarks(marks)) {
    const expected = 'a session, a whole number and the lowest that is waited for; a key and a fingerprint are texts'
    throw new CheckpointError('OPTIONS_WRONG', `no reader would take this for who asks: expected ${expected}`)
  }
  const responseBytes = Buffer.byteLength(responseText)
  if (responseBytes > limits.responseBytesMax) {
    throw new CheckpointError(
      'TOO_LARGE',
      `the response has ${responseBytes} bytes, and ${limits.responseBytesMax} can be recorded; answer less`,
    )
  }
  mustBeShallowText(responseText, 'the response')
}
