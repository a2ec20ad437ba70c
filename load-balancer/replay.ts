/** What becomes of a request whose sending failed. Pure. */
import type { Refusal } from '../checkpoint/request-headers.ts'
import type { Target } from './routing.ts'

/** How a sending failed before its answer began to leave for the client. */
export type Failure =
  /** No connection could be made: nothing was sent. */
  | { type: 'unreachable'; kind: 'refused' | 'timed-out' | 'other' }
  /** The connection was lost after sending began. */
  | { type: 'lost' }
  /** Another backend was named meanwhile; `sent` if sending had begun. */
  | { type: 'deposed'; sent: boolean }
  /** The backend gave no sign of life for as long as a request is held; `sent` as above. */
  | { type: 'silent'; sent: boolean }
  /** The backend said that it did not run this sending. */
  | { type: Refusal }
  /** The request cannot be expressed to a backend: nothing was sent. */
  | { type: 'malformed' }

/** What a client is told of the effect of its request. */
export type Outcome = 'not applied' | 'unknown'

/** What is known of one request. */
export interface Facts {
  /** No effect at the server, RFC 9110 9.2.1. */
  safe: boolean
  /** Twice is as good as once, RFC 9110 9.2.2. */
  idempotent: boolean
  /** Sendings lost so late that the backend may have run them. */
  losses: number
  /** One of these carried no session number, so that no backend can recognise its replay. */
  lostUnnumbered: boolean
  /** Sendings repeated at once since the last pause. */
  quickRetries: number
}

export type Verdict =
  /** Send it again: at once, or when the target takes requests again after a pause. After `session-ended`, renumbered. */
  | { type: 'resend'; when: 'now' | 'after pause' }
  | { type: 'give up'; because: 'malformed' | 'held too long' | 'session ended' | 'not replayable' | 'lost too often' }

/** A request that was lost this often may be what kills the backends. */
export const lossesMax = 8
/** Stale keep-alive connections break in groups, so more than one retry may meet one. */
export const quickRetriesMax = 3

const resendNow: Verdict = { type: 'resend', when: 'now' }
const resendAfterPause: Verdict = { type: 'resend', when: 'after pause' }

/** True if the failed sending may have been run. */
export function mayHaveRun(failure: Failure): boolean {
  return failure.type === 'lost' || ((failure.type === 'deposed' || failure.type === 'silent') && failure.sent)
}

/** What to do after `failure`; `facts` already count it. */
export function afterFailure(facts: Facts, failure: Failure): Verdict {
  switch (failure.type) {
    case 'malformed':
      return { type: 'give up', because: 'malformed' }
    case 'silent':
      return { type: 'give up', because: 'held too long' }
    case 'session-ended':
      if (facts.losses > 0) return { type: 'give up', because: 'session ended' }
      return soon(facts)
    case 'unreachable':
    case 'not-active':
      return resendAfterPause
    case 'deposed':
      return afterLoss(facts) ?? resendNow
    case 'lost':
      return afterLoss(facts) ?? soon(facts)
  }
}

function soon(facts: Facts): Verdict {
  return facts.quickRetries < quickRetriesMax ? resendNow : resendAfterPause
}

function afterLoss(facts: Facts): Verdict | undefined {
  if (!facts.idempotent && facts.lostUnnumbered) return { type: 'give up', because: 'not replayable' }
  if (facts.losses >= lossesMax) return { type: 'give up', because: 'lost too often' }
  return undefined
}

/** True if a request with these facts may be sent to `target` without the danger of running twice. */
export function maySend(facts: Facts, target: Pick<Target, 'exactlyOnce'>): boolean {
  if (facts.losses === 0 || facts.idempotent) return true
  return target.exactlyOnce && !facts.lostUnnumbered
}

/**
 * What is known of the effect of a request that is given up. One with an `Idempotency-Key` may have been applied under that key before, through
 * another balancer perhaps; only a backend can look.
 */
export function outcomeOf({ safe, losses, key }: Pick<Facts, 'safe' | 'losses'> & { key: string | null }): Outcome {
  return safe || (losses === 0 && key === null) ? 'not applied' : 'unknown'
}
