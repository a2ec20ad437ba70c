/**
 * Which backends may hold a lease, and until when, as far as a receiver granted them or must assume so (Gray and Cheriton, "Leases", SOSP
 * 1989). Pure. Times are monotonic milliseconds, handed in.
 *
 * A new active is named only when every *other* incarnation's lease has run out. An entry goes before its time only if its holder is proven
 * dead, or said in its own words that it holds none: it stepped down, it refused while it did not serve, or it yielded and was granted
 * nothing since.
 */

import type { RecordedDecision } from './events.ts'
import { heartbeatMsMax } from './heartbeat-rate.ts'

/** A lease is so many heartbeat intervals long: one heartbeat may be late or lost without the active's reads becoming slow. */
const leaseIntervals = 2

/** For how long a lease is granted, milliseconds, at this heartbeat interval of the active. */
export function leaseMsAt(heartbeatMs: number): number {
  return leaseIntervals * heartbeatMs
}

/**
 * How long a lease may be that a receiver before granted, milliseconds: receivers may have other intervals, and one that is started anew another
 * than before. A lease is granted under a durable decision of the same leadership only, so the newest one tells. One that does not tell was
 * made by an older version, and its leases are taken to be as long as the own ones, `ownMs`.
 */
export function inheritedLeaseMs(newest: Pick<RecordedDecision, 'leaseMs'> | undefined, ownMs: number): number {
  return Math.max(ownMs, Math.min(newest?.leaseMs ?? 0, leaseMsAt(heartbeatMsMax)))
}

/** A lease that a receiver before may have granted. */
interface Inherited {
  /** The incarnation that the newest durable decision names; null if that is not known. */
  readonly incarnation: string | null
  readonly epoch: number
  /** No such lease is longer. */
  readonly leaseMs: number
  readonly untilMs: number
}

export class LeaseLedger {
  /** Bounded by the reigns within the length of a lease: what has run out is dropped at each grant. */
  readonly #untilMs = new Map<string, number>()
  #inherited: Inherited | null = null

  /** The whole length counts from when the heartbeat was *received*: its sender counts from when it was sent, which is earlier. */
  grant(incarnation: string, untilMs: number, nowMs: number): void {
    for (const [holder, endsMs] of this.#untilMs) if (endsMs <= nowMs) this.#untilMs.delete(holder)
    this.#untilMs.set(incarnation, Math.max(untilMs, this.#untilMs.get(incarnation) ?? untilMs))
  }

  /** This receiver begins to lead: a receiver before may have granted leases to the one that its newest decision names. */
  inherit(inherited: Inherited | null): void {
    this.#inherited = inherited
  }

  /** It said that it holds no lease of this receiver any more. What another receiver granted it is not meant by that. */
  release(incarnation: string): void {
    this.#untilMs.delete(incarnation)
  }

  /** It is proven dead: whoever granted it a lease, nobody reads under it. */
  died(incarnation: string): void {
    this.release(incarnation)
    if (this.#inherited?.incarnation === incarnation) this.#inherited = null
  }

  /** It has seen this epoch: a lease of an earlier reign is over for it. */
  saw(incarnation: string, epoch: number): void {
    if (this.#inherited?.incarnation === incarnation && epoch > this.#inherited.epoch) this.#inherited = null
  }

  /** How long a lease may be, milliseconds, that anybody may hold now or that this receiver grants, for `ownMs`. */
  longestMs(ownMs: number, nowMs: number): number {
    const inherited = this.#inherited
    return inherited && nowMs < inherited.untilMs ? Math.max(ownMs, inherited.leaseMs) : ownMs
  }

  /** From when on it may be named; the past if it may be at once. */
  freeAtMs(incarnation: string): number {
    const inherited = this.#inherited
    let freeMs = inherited && inherited.incarnation !== incarnation ? inherited.untilMs : Number.NEGATIVE_INFINITY
    for (const [holder, untilMs] of this.#untilMs) if (holder !== incarnation) freeMs = Math.max(freeMs, untilMs)
    return freeMs
  }
}
