/**
 * A backend's leave to answer reads from memory, for a time: a lease in the sense of Gray and Cheriton (SOSP 1989). The receiver grants it, and
 * names no other active before it has run out; so whoever holds it has seen every write that was acknowledged anywhere. Pure.
 *
 * - It is counted from when the heartbeat was sent that the grant answers, on both clocks: the larger advance counts (the monotonic clock
 *   stands still in a suspended machine, the wall clock may be set back). The receiver waits from when it received that heartbeat, which is later.
 * - It is compared with the clock at each read. A timer would come too late in a process that was stopped for a while.
 * - It counts only for the epoch that it was granted for: a process that is named again must not read under what it was granted since.
 * - It ends for good when its holder gives it up, or hears of a higher epoch.
 */
import { elapsedMs, type Moment } from './staleness.ts'

/** A lease as the receiver grants it. */
export interface LeaseGrant {
  /** The reign that it is for. */
  readonly epoch: number
  /** How long it lasts, milliseconds. */
  readonly forMs: number
  /** When the heartbeat was sent that it answers, by the holder's own clocks. */
  readonly sentAt: Moment
}

/** What a holder's clock may run slower than the giver's over the length of a lease: a share of it, and milliseconds for their grain. */
const drift = { share: 0.01, ms: 1 }

/** How long a holder may count on what it was given for `forMs`, milliseconds. Of a receiver's authority as of a backend's lease. */
export function countedByHolderMs(forMs: number): number {
  return forMs * (1 - drift.share) - drift.ms
}

/** The lease of one process. */
export class Lease {
  #grant: LeaseGrant | null = null
  /** Leases of lower epochs are over for good. */
  #epochMin = 0

  /** Takes a grant; the one that was sent for last counts, of the highest epoch. */
  grant(grant: LeaseGrant): void {
    const held = this.#grant
    if (held && (grant.epoch < held.epoch || grant.sentAt.monotonicMs < held.sentAt.monotonicMs)) return
    this.#grant = grant
  }

  /** Gives up what is held or will be granted for reigns up to this epoch. A lease of a later reign is not what was asked for, and stays. */
  drop(epoch: number): void {
    this.saw(epoch + 1)
  }

  /** Somebody has heard of this epoch: leases of lower ones are over. */
  saw(epoch: number): void {
    this.#epochMin = Math.max(this.#epochMin, epoch)
  }

  /** True if whoever reigns under `epoch` may read from memory now. That its claim is valid is for the caller to know. */
  holds(now: Moment, epoch: number): boolean {
    const grant = this.#grant
    if (grant === null || grant.epoch !== epoch || epoch < this.#epochMin) return false
    return elapsedMs(grant.sentAt, now) < countedByHolderMs(grant.forMs)
  }
}
