/**
 * What is decided: the decision in force, the one whose record is under way, and which epochs are used. Pure; part of the receiver's core.
 *
 * A decision is told at once, while it is recorded, if its epoch is the next after a durable one of this very leadership: the claim of
 * whoever is named fences, and leases wait until it is durable. So at most one decision is ever ahead of the journal, and whoever leads next
 * knows its epoch without having read it. All others are told once they are durable.
 */
import type { DecisionStory, Effect, RecordedDecision } from './events.ts'
import type { KnownBackend } from './known-backend.ts'
import type { Decision } from './protocol.ts'
import type { InForce, Verdict } from './verdict.ts'

/** No epoch is as high as this; one more must always be a safe integer. */
export const epochMax = 2 ** 52
/** After a decision could not be recorded the next try waits so long, milliseconds. */
const recordPauseMs = 100

/** A decision whose record is under way. */
interface Naming {
  readonly decision: RecordedDecision
  readonly previous: string | null
  readonly reason: string
  readonly detectedAtMs: number
  /** Somebody asked for it. */
  readonly planned: boolean
  readonly failover: boolean
  /** It was told before it is durable. */
  readonly early: boolean
  /** When it is recorded again, as it was not; null while that is under way. */
  againAtMs: number | null
}

export class DecisionBook {
  readonly #shard: number
  readonly #emit: (effect: Effect) => void
  #inForce: InForce | null = null
  #naming: Naming | null = null
  #epochSeen = 0
  /** The highest epoch that a receiver before may have told early. */
  #epochTold = 0

  constructor(shard: number, emit: (effect: Effect) => void) {
    this.#shard = shard
    this.#emit = emit
  }

  get inForce(): InForce | null {
    return this.#inForce
  }

  /** The highest epoch seen anywhere. */
  get epochSeen(): number {
    return this.#epochSeen
  }

  /** The epoch in force; 0 if there is none. */
  get epoch(): number {
    return this.#inForce?.decision.epoch ?? 0
  }

  /** True while a record is under way: the next naming waits for it. */
  get busy(): boolean {
    return this.#naming !== null
  }

  isNamed({ hello }: KnownBackend): boolean {
    return this.#inForce?.decision.incarnation === hello.incarnation
  }

  /** Notes an epoch that exists somewhere. False if it cannot be one. */
  see(epoch: number): boolean {
    if (epoch >= epochMax) return false
    this.#epochSeen = Math.max(this.#epochSeen, epoch)
    return true
  }

  /** This receiver begins to lead, and this is the newest decision of those before it; undefined if there is none. */
  begin(decision: RecordedDecision | undefined, nowMs: number): void {
    this.#naming = null
    if (!decision) {
      this.#inForce = null
      return
    }
    // A receiver before may have told the next epoch early. This one begins above it: a claim there voids that one's, and all its attempts.
    this.#epochTold = decision.epoch + 1
    if (!this.#isInForce(decision)) this.#tellFound(decision, null, nowMs, { quiet: true })
    this.#adopt(decision, nowMs)
  }

  /** It leads no longer. */
  end(): void {
    this.#naming = null
    if (this.#inForce) this.#inForce.own = false
  }

  /** Takes over and tells what another receiver decided. True if it is news. */
  follow(decision: RecordedDecision, nowMs: number): boolean {
    if (this.#isInForce(decision)) return false
    const previous = this.#inForce?.decision.name ?? null
    this.#adopt(decision, nowMs)
    this.#tellFound(decision, previous, nowMs)
    return true
  }

  /**
   * Names a backend under the next epoch; returns that, and whether the decision is in force already, ahead of its record. `leaseMs`: as it is
   * recorded.
   */
  name(
    backend: KnownBackend,
    verdict: Verdict & { stays: false },
    leaseMs: number,
    nowMs: number,
  ): { epoch: number; early: boolean } {
    const { name, incarnation, url, exactlyOnce, direct } = backend.hello
    const { kind, reason, detectedAtMs } = verdict
    const inForce = this.#inForce
    const epoch = Math.max(this.#epochSeen, this.#epochTold) + 1
    this.see(epoch)
    const planned = kind === 'planned'
    const previous = inForce?.decision.name ?? null
    const story: DecisionStory = { previous, reason, planned, detectedAtMs, decidedAtMs: nowMs }
    const naming: Naming = {
      decision: { shard: this.#shard, epoch, name, incarnation, url, exactlyOnce, direct, story, leaseMs },
      ...{ previous, reason, detectedAtMs, planned },
      failover: inForce !== null && !planned && incarnation !== inForce.decision.incarnation,
      early: inForce?.own === true && inForce.durable && epoch === inForce.decision.epoch + 1,
      againAtMs: null,
    }
    this.#naming = naming
    if (naming.early) this.#proclaim(naming, false, backend, nowMs)
    this.#emit({ type: 'record', decision: naming.decision, reason })
    return { epoch, early: naming.early }
  }

  /** The record under this epoch is durable. True if that put its decision in force. `find` finds whom it names. */
  recorded(epoch: number, find: (name: string) => KnownBackend | undefined, nowMs: number): boolean {
    const naming = this.#naming
    if (naming?.decision.epoch !== epoch) return false // of a leadership that is over
    this.#naming = null
    if (naming.early) this.#inForce!.durable = true
    else this.#proclaim(naming, true, find(naming.decision.name), nowMs)
    return !naming.early
  }

  recordFailed(epoch: number, nowMs: number): void {
    if (this.#naming?.decision.epoch === epoch) this.#naming.againAtMs = nowMs + recordPauseMs
  }

  /** What was not recorded is recorded again, as it is: it may have been told, or be durable after all. */
  recordAgain(nowMs: number): void {
    const naming = this.#naming
    if (!naming || naming.againAtMs === null || nowMs < naming.againAtMs) return
    naming.againAtMs = null
    this.#emit({ type: 'record', decision: naming.decision, reason: naming.reason })
  }

  /** Tells the named backend to begin its reign, if it can be told. */
  lead(inForce: InForce, named: KnownBackend | undefined, nowMs: number): void {
    const { shard, epoch, incarnation } = inForce.decision
    if (named?.hello.incarnation !== incarnation || named.connection === null || named.liveness.state === 'gone') return
    inForce.leadSentAtMs = nowMs
    this.#emit({ type: 'send', connection: named.connection, message: { type: 'lead', shard, epoch, incarnation } })
  }

  /** From here on the decision is in force, and all are told. */
  #proclaim(naming: Naming, durable: boolean, named: KnownBackend | undefined, nowMs: number): void {
    const { decision, detectedAtMs, failover } = naming
    this.#inForce = inForceOf(decision, { detectedAtMs, own: true, durable, failover }, nowMs)
    this.lead(this.#inForce, named, nowMs)
    this.#tell(naming, nowMs)
  }

  #tell({ decision: recorded, previous, reason, detectedAtMs, planned }: Naming, atMs: number): void {
    const decision = withoutRecord(recorded)
    const how = planned ? { planned } : {}
    this.#emit({ type: 'publish', event: { type: 'decided', atMs, decision, previous, reason, detectedAtMs, ...how } })
  }

  /** Tells what was found in the journal; `quiet` if it is from before this receiver led, and its backend is about to be named anew. */
  #tellFound(recorded: RecordedDecision, known: string | null, atMs: number, quiet: { quiet?: true } = {}): void {
    const { story } = recorded
    const decision = withoutRecord(recorded)
    const event = {
      ...{ type: 'decided' as const, atMs, decision },
      previous: story ? story.previous : known,
      reason: story?.reason ?? 'another receiver decided so',
      detectedAtMs: story?.detectedAtMs ?? atMs,
      ...(story?.planned ? { planned: true } : {}),
      ...(story ? { decidedAtMs: story.decidedAtMs } : {}),
    }
    this.#emit({ type: 'publish', event, ...quiet })
  }

  /** What stands in the journal is in force; of a decision that was in force already, what is known of it is kept. */
  #adopt(decision: RecordedDecision, nowMs: number): void {
    this.see(decision.epoch)
    if (this.#inForce && this.#isInForce(decision)) Object.assign(this.#inForce, { own: false, durable: true })
    else this.#inForce = inForceOf(decision, { detectedAtMs: nowMs, own: false, durable: true, failover: false }, nowMs)
  }

  #isInForce({ epoch, incarnation }: RecordedDecision): boolean {
    const decision = this.#inForce?.decision
    return decision?.epoch === epoch && decision.incarnation === incarnation
  }
}

/** The decision as others are told it. */
function withoutRecord({ direct: _, story: __, leaseMs: ___, ...decision }: RecordedDecision): Decision {
  return decision
}

function inForceOf(
  recorded: RecordedDecision,
  more: Pick<InForce, 'detectedAtMs' | 'own' | 'durable' | 'failover'>,
  nowMs: number,
): InForce {
  return {
    decision: withoutRecord(recorded),
    ...more,
    takesLeases: true,
    taken: false,
    readySinceMs: null,
    setBack: false,
    progressAtMs: nowMs,
    leadSentAtMs: Number.NEGATIVE_INFINITY,
  }
}
