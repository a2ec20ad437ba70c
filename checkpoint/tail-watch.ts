/**
 * Notices that a tail is behind and does not move: it is to be started again, as one can stall (kafkajs #659), or stand at a broker that no longer
 * leads the partition and gets nothing new. Pure.
 */

/** A read that is behind and has not moved for so long is started again, milliseconds. */
const stallMs = { first: 10_000, max: 80_000 }
/**
 * The same for a record that an append of this process was answered with: it stands there for certain, its callers wait for it, and balancers
 * hold requests for ten seconds in all.
 */
const awaitedMs = 2_000

export class TailWatch {
  #movedAtMs = 0
  #offsetSeen = -1
  #restarts = 0

  /** The tail was started again for another reason. */
  restarted(nowMs: number): void {
    this.#movedAtMs = nowMs
    this.#restarts++
  }

  /**
   * True if the tail is to be started again now. `offset` is the next one to read, `end` that of the journal as far as known, `awaited` what an append was
   * answered with that is not read yet.
   */
  stalled(nowMs: number, offset: number, end: number, awaited: number | null): boolean {
    if (offset !== this.#offsetSeen || offset >= Math.max(end, (awaited ?? -1) + 1)) {
      this.#movedAtMs = nowMs
      this.#restarts = 0
    }
    this.#offsetSeen = offset
    // Joining a group takes seconds: each restart is given longer than the last.
    const patienceMs = Math.min((awaited === null ? stallMs.first : awaitedMs) * 2 ** this.#restarts, stallMs.max)
    if (nowMs - this.#movedAtMs < patienceMs) return false
    this.restarted(nowMs)
    return true
  }
}
