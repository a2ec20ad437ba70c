/**
 * Which backends may hold a lease, and until when, as far as a receiver granted them or must assume so (Gray and Cheriton, "Leases", SOSP
 * 1989). Pure. Times are monotonic milliseconds, handed in.
 *
 * A new active is named only when every *other* incarnation's lease has run out. An entry goes before its time only if its holder is proven
 * dead, or said in its own words that it holds none: it stepped down, it refused while it did not serve, or it yielded and was granted
 * nothing since.
 */

/** A lease is so many heartbeat intervals long: one heartbeat may be late or lost without the active's reads becoming slow. */
const leaseIntervals = 2

/** For how long a lease is granted, milliseconds, at this heartbeat interval of the active. */
export function leaseMsAt(heartbeatMs: number): number {
  return leaseIntervals * heartbeatMs
}

/** A lease that a receiver before may have granted. */
interface Inherited {
  /** The incarnation that the newest durable decision names; null if that is not known. */
  readonly incarnation: string | null
  readonly epoch: number
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

  /** From when on it may be named; the past if it may be at once. */
  freeAtMs(incarnation: string): number {
    const inherited = this.#inherited
    let freeMs = inherited && inherited.incarnation !== incarnation ? inherited.untilMs : Number.NEGATIVE_INFINITY
    for (const [holder, untilMs] of this.#untilMs) if (holder !== incarnation) freeMs = Math.max(freeMs, untilMs)
    return freeMs
  }
}
