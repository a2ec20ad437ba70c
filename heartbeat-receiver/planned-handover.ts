/**
 * A planned change of active, from the request to its answer. Pure; part of the receiver's core.
 *
 * It goes: the successor is chosen (it must be abreast) → `yield` to the active, which is granted no lease from here on → it says `yielded`, or
 * its lease runs out → the successor is named → it is ready. The active serves until the successor's claim fences it.
 */
import { type ElectionRules, elect } from './election.ts'
import type { Effect } from './events.ts'
import { journalExtent, recordsBehind } from './journal-extent.ts'
import { isDraining, type KnownBackend } from './known-backend.ts'
import type { HandedOver, HandOver } from './protocol.ts'
import type { InForce } from './verdict.ts'

/** A handover that takes longer is given up, milliseconds. */
export const handoverMaxMs = 5_000

export type Failure = { readonly failure: NonNullable<HandedOver['failure']>; readonly reason: string }

/** Who may be handed over to, of all that are known; or why nobody. */
export function chooseSuccessor(
  { to: wanted }: HandOver,
  from: KnownBackend,
  backends: readonly KnownBackend[],
  rules: ElectionRules,
): KnownBackend | Failure {
  const fit = (backend: KnownBackend) => whyUnfit(backend, backends, rules) === null
  if (wanted === undefined) {
    const others = backends.filter((backend) => backend !== from && fit(backend))
    const names = backends.filter((backend) => backend !== from).map(({ hello }) => hello.name)
    const reason = names.length === 0 ? 'there is no other backend' : `none of ${names.join(', ')} is ready to lead`
    return elect(others, rules) ?? { failure: 'no-successor', reason }
  }
  const backend = backends.find(({ hello }) => hello.name === wanted)
  const names = backends.map(({ hello }) => hello.name).join(', ')
  if (!backend) return { failure: 'unknown-name', reason: `no backend is called ${wanted}; there are ${names}` }
  const unfit = whyUnfit(backend, backends, rules)
  return unfit === null ? backend : { failure: 'not-ready', reason: unfit }
}

/** Why a backend is not to be handed over to; null if it is. */
function whyUnfit(backend: KnownBackend, backends: readonly KnownBackend[], rules: ElectionRules): string | null {
  const { hello, status, liveness, connection } = backend
  if (liveness.state !== 'alive' || connection === null) return `${hello.name} is not there`
  if (isDraining(backend)) return `${hello.name} is draining`
  if (status?.phase !== 'standby') return `${hello.name} is ${status?.phase ?? 'starting'}`
  if (!status.journalReachable) return `${hello.name} cannot reach the journal`
  const behind = recordsBehind(status, journalExtent(backends))
  if (behind > 0) return `${hello.name} is ${behind} records behind`
  return elect([backend], rules) ? null : `${hello.name} did not lead when it was named last`
}

/** What a handover has to know of the rest. */
export interface HandoverContext {
  /** False if this receiver does not lead. */
  readonly leads: boolean
  /** True while another change of active is under way. */
  readonly busy: boolean
  readonly inForce: InForce | null
  /** The backend that is named, if that incarnation is known. */
  readonly active: KnownBackend | undefined
  readonly backends: readonly KnownBackend[]
  readonly rules: ElectionRules
}

/** The handover under way. */
interface Handover {
  readonly follower: number
  readonly askedAtMs: number
  readonly from: InForce['decision']
  readonly to: KnownBackend['hello']
  /** The epoch under which the successor was named; null before. */
  namedEpoch: number | null
}

export class PlannedHandover {
  readonly #shard: number
  readonly #emit: (effect: Effect) => void
  #handover: Handover | null = null

  constructor(shard: number, emit: (effect: Effect) => void) {
    this.#shard = shard
    this.#emit = emit
  }

  get underWay(): boolean {
    return this.#handover !== null
  }

  /** The incarnation that is to lead, as long as it is not named, and since when it is. */
  get wanted(): { readonly incarnation: string; readonly askedAtMs: number } | null {
    if (this.#handover?.namedEpoch !== null) return null
    return { incarnation: this.#handover.to.incarnation, askedAtMs: this.#handover.askedAtMs }
  }

  /** Somebody asks for it: begins, or says why not. */
  ask(follower: number, request: HandOver, context: HandoverContext): void {
    const { inForce, active, rules } = context
    const begun = this.#begin(request, context)
    if (typeof begun === 'string' || 'failure' in begun) {
      const from = active?.hello.name ?? null
      return this.#answer({ follower, shard: request.shard, from, inForce, outcome: begun, tookMs: 0 })
    }
    this.#handover = { follower, askedAtMs: rules.nowMs, from: inForce!.decision, to: begun.hello, namedEpoch: null }
    inForce!.takesLeases = false
    const { epoch } = inForce!.decision
    this.#emit({ type: 'send', connection: active!.connection!, message: { type: 'yield', epoch } })
  }

  /** True if it is the answer to this handover's `yield`: who said so holds no lease, and gets none. */
  isYieldedBy(incarnation: string, epoch: number): boolean {
    const handover = this.#handover
    return handover?.namedEpoch === null && handover.from.incarnation === incarnation && handover.from.epoch === epoch
  }

  /** The successor is being named. */
  named(epoch: number): void {
    if (this.#handover) this.#handover.namedEpoch = epoch
  }

  /** Answers, once it is done or will not be. */
  review({ inForce, backends, rules }: HandoverContext): void {
    const handover = this.#handover
    if (!handover || !inForce) return
    const outcome = outcomeOf(handover, inForce, backends, rules)
    if (outcome !== null) this.#end(handover, outcome, inForce, rules.nowMs)
  }

  /** This receiver leads no longer. */
  abandon(inForce: InForce | null, nowMs: number): void {
    if (this.#handover) this.#end(this.#handover, notLeading, inForce, nowMs)
  }

  /** Who is to be handed over to; `done` if that one leads already. */
  #begin(request: HandOver, context: HandoverContext): KnownBackend | Failure | 'done' {
    const { leads, busy, inForce, active, backends, rules } = context
    if (!leads) return notLeading
    if (request.shard !== this.#shard) return { failure: 'no-active', reason: `there is no shard ${request.shard}` }
    if (!inForce || inForce.readySinceMs === null || active?.liveness.state !== 'alive' || active.connection === null)
      return { failure: 'no-active', reason: 'no backend leads at this moment; ask again when one does' }
    if (busy || this.#handover || !inForce.takesLeases)
      return { failure: 'not-ready', reason: 'another change of active is under way; ask again after it' }
    if (request.to === active.hello.name) return 'done'
    return chooseSuccessor(request, active, backends, rules)
  }

  #end(
    { follower, askedAtMs, from }: Handover,
    outcome: Failure | 'done',
    inForce: InForce | null,
    nowMs: number,
  ): void {
    this.#handover = null
    this.#answer({ follower, shard: this.#shard, from: from.name, inForce, outcome, tookMs: nowMs - askedAtMs })
  }

  #answer(answer: {
    follower: number
    shard: number
    from: string | null
    inForce: InForce | null
    outcome: Failure | 'done'
    tookMs: number
  }): void {
    const { follower, shard, from, inForce, outcome, tookMs } = answer
    const to = inForce?.decision.name ?? null
    const epoch = inForce?.decision.epoch ?? 0
    const result = { shard, from, to, epoch, tookMs, ...(outcome === 'done' ? {} : outcome) }
    this.#emit({ type: 'handed-over', follower, result })
  }
}

export const notLeading: Failure = {
  failure: 'not-leading',
  reason: 'this receiver does not lead; ask the one that does',
}

/** What came of it; null while it is under way. */
function outcomeOf(
  { from, to, namedEpoch, askedAtMs }: Handover,
  { decision, readySinceMs }: InForce,
  backends: readonly KnownBackend[],
  rules: ElectionRules,
): Failure | 'done' | null {
  const late = rules.nowMs - askedAtMs >= handoverMaxMs
  if (decision.epoch === namedEpoch) {
    if (readySinceMs !== null) return 'done'
    return late ? { failure: 'timed-out', reason: `${to.name} was named and is not ready yet` } : null
  }
  if (namedEpoch !== null && decision.epoch > namedEpoch)
    return { failure: 'not-ready', reason: `${to.name} was named and did not lead; ${decision.name} was named then` }
  if (decision.epoch > from.epoch)
    return { failure: 'no-active', reason: `${decision.name} had to be named meanwhile, with epoch ${decision.epoch}` }
  if (late) return { failure: 'timed-out', reason: `${to.name} could not be named within ${handoverMaxMs} ms` }
  if (namedEpoch !== null) return null
  const successor = backends.find(({ hello }) => hello.incarnation === to.incarnation)
  const unfit = successor ? whyUnfit(successor, backends, rules) : `${to.name} is not there`
  return unfit === null ? null : { failure: 'not-ready', reason: unfit }
}
