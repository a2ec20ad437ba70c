/** Whether the active that was named stays. Pure; who comes after it is `election.ts`'s question. */
import { isDraining, type KnownBackend } from './known-backend.ts'
import type { Decision } from './protocol.ts'

/**
 * An active whose appends stay unsettled is deposed if another can reach the journal. Longer than the deadline of an append (1 s) and the
 * claim by which a backend settles it, as one that only lost a connection mends itself sooner; and longer than `journalReachable` stays
 * true without an answer (2 s) and a heartbeat brings it, or in an outage for all a standby would seem to be better off.
 */
export const unsettledMaxMs = 2_250
/**
 * A named backend that neither leads nor gets on reading is passed over, if there is another. As long as {@link unsettledMaxMs}, for the
 * same reasons: a claim is an append. Slow catch-up is no failure while its offset advances.
 */
export const claimStallMs = 2_250
/** An active that a balancer finds unreachable for so long is deposed if another can be reached, milliseconds. */
export const reportedMaxMs = 1_000
/** Reports further apart than this do not belong together, and after so long without one nothing is held against it any more, milliseconds. */
export const reportGapMs = 2_000

/** A decision and how its backend takes it. */
export interface InForce {
  readonly decision: Decision
  /** The first evidence that made the decision necessary. */
  readonly detectedAtMs: number
  /** False for a decision that was read in the journal: it is another receiver's, or one's own from before. */
  own: boolean
  /** False while it was told and its record is still under way. */
  durable: boolean
  /** True if it replaced one that did not stay: then whoever decides says how long that took. */
  readonly failover: boolean
  /** False once the backend was asked to yield: it takes no lease any more under this epoch. */
  takesLeases: boolean
  /** A heartbeat showed the reign: `lead` arrived. */
  taken: boolean
  /** Since when the backend serves under this epoch. */
  readySinceMs: number | null
  /** True once its failure to lead was counted against it. */
  setBack: boolean
  /** When it last came nearer to leading. */
  progressAtMs: number
  leadSentAtMs: number
}

export type Verdict =
  | { readonly stays: true }
  | {
      readonly stays: false
      readonly reason: string
      readonly detectedAtMs: number
      /**
       * `over`: its reign has ended, it may be named again only as anyone. `failed`: it was named and did not lead. `worse`: it is only
       * replaced if another is better. `outnumbered`: a higher epoch exists, so even the same backend needs a new one. `renewed`: it
       * stays, under a new epoch. `planned`: it is well, and another is asked for.
       */
      readonly kind: 'over' | 'failed' | 'worse' | 'outnumbered' | 'renewed' | 'planned'
    }

/** Judges the decision in force. `backend` is who carries the named backend's name now; `epochSeen` the highest epoch seen anywhere. */
export function judge(inForce: InForce, backend: KnownBackend | undefined, epochSeen: number, nowMs: number): Verdict {
  return (
    judgePresence(inForce, backend, nowMs) ??
    judgeReign(inForce, backend!, epochSeen, nowMs) ??
    judgeHealth(inForce, backend!, nowMs) ?? { stays: true }
  )
}

function judgePresence({ decision }: InForce, backend: KnownBackend | undefined, nowMs: number): Verdict | null {
  if (!backend) return { stays: false, kind: 'over', reason: `${decision.name} is not there`, detectedAtMs: nowMs }
  if (backend.hello.incarnation !== decision.incarnation)
    return { stays: false, kind: 'over', reason: `a new incarnation of ${decision.name} joined`, detectedAtMs: nowMs }
  const { liveness, status } = backend
  if (liveness.state === 'gone')
    return { stays: false, kind: 'over', reason: liveness.reason, detectedAtMs: liveness.sinceMs }
  if (status?.phase === 'stopping')
    return { stays: false, kind: 'over', reason: `${decision.name} is stopping`, detectedAtMs: nowMs }
  return null
}

function judgeReign(
  { decision, taken }: InForce,
  { status, refusal }: KnownBackend,
  epochSeen: number,
  nowMs: number,
): Verdict | null {
  const { name, epoch } = decision
  if (refusal?.epoch === epoch)
    return { stays: false, kind: 'failed', reason: `${name} refused: ${refusal.reason}`, detectedAtMs: nowMs }
  if (taken && (status?.phase === 'standby' || status?.phase === 'starting')) {
    const cause = status.reason ?? `its journal shows epoch ${status.journalReign[0]}`
    const reason = `${name} stepped down: ${cause}`
    return { stays: false, kind: 'failed', reason, detectedAtMs: nowMs }
  }
  if (epochSeen > epoch)
    return { stays: false, kind: 'outnumbered', reason: `epoch ${epochSeen} was seen elsewhere`, detectedAtMs: nowMs }
  return null
}

function judgeHealth(inForce: InForce, { status, reported, liveness }: KnownBackend, nowMs: number): Verdict | null {
  const { name } = inForce.decision
  if (!status || liveness.state !== 'alive') return null // its silence is judged first
  const worse = (reason: string, detectedAtMs: number): Verdict => ({
    stays: false,
    kind: 'worse',
    reason,
    detectedAtMs,
  })
  if (inForce.taken && status.unsettledMs > unsettledMaxMs)
    return worse(
      `${name} cannot reach its journal: an append is unsettled for ${Math.round(status.unsettledMs)} ms`,
      nowMs,
    )
  if (inForce.readySinceMs === null && nowMs - inForce.progressAtMs > claimStallMs)
    return worse(`${name} did not begin its reign within ${claimStallMs} ms`, inForce.progressAtMs)
  if (reported && nowMs - reported.lastMs <= reportGapMs && reported.lastMs - reported.sinceMs >= reportedMaxMs)
    return worse(`${name} is unreachable for balancer ${reported.by}`, reported.sinceMs)
  return null
}

/**
 * Why an active that stays is named again under a higher epoch; null if it need not be. A receiver that has just begun to lead does so because
 * a predecessor may have named another that it never made durable: a claim above that voids it. Only then may leases be granted.
 */
export function judgeRenewal(inForce: InForce, backend: KnownBackend | undefined, nowMs: number): Verdict | null {
  if (inForce.own && inForce.takesLeases) return null
  if (backend?.liveness.state !== 'alive' || backend.connection === null) return null
  if (!backend.status || backend.status.phase === 'starting') return null // it is not ready to be named
  const { name } = inForce.decision
  if (backend.status.phase === 'standby' && isDraining(backend))
    return { stays: false, kind: 'over', reason: `${name} is draining, and does not serve`, detectedAtMs: nowMs }
  const reason = inForce.own ? `${name} stays, as nobody could take over` : `${name} stays, under a new receiver`
  return { stays: false, kind: 'renewed', reason, detectedAtMs: nowMs }
}

/** Notes what a heartbeat of the named backend says about its reign. True if it has just become ready. */
export function follow(inForce: InForce, backend: KnownBackend, nowMs: number, offsetBefore: number): boolean {
  const { status } = backend
  if (!status) return false
  if (status.offset > offsetBefore) inForce.progressAtMs = nowMs
  if (status.reign[0] < inForce.decision.epoch) return false
  if (!inForce.taken) inForce.progressAtMs = nowMs
  inForce.taken = true
  if (inForce.readySinceMs !== null || status.phase !== 'active') return false
  inForce.readySinceMs = nowMs
  return true
}
