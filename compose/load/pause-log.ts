/** Which pauses of a run are worth telling, in bounded memory. Pure: good answers in, in the order in which they came. */

/** A good answer, as far as pauses go. */
export interface AnswerMark {
  /** When it was complete, milliseconds. */
  atMs: number
  backend: string
  epoch: number
}

/** A gap between two successive good answers over all clients. */
export interface Pause {
  /** When the last good answer before it was complete, milliseconds. */
  atMs: number
  pauseMs: number
  from: string
  to: string
  /** True if the first answer of a new epoch ended it. */
  failover: boolean
  /** Epochs before and after; 0 where answers have none. */
  epochBefore: number
  epochAfter: number
}

/** How many are kept; the shortest goes first, failovers last. */
const keptMax = 200
/** A gap is worth telling from this on, milliseconds, if it is also so many times the usual one. */
const notedMs = 20
const notedRatio = 5

export class PauseLog {
  readonly #pauses: Pause[] = []
  #firstMs = 0
  #last: AnswerMark | undefined
  #epoch = 0
  #gaps = 0
  #longestMs = 0

  /** Longest of all gaps, milliseconds. */
  get longestMs(): number {
    return this.#longestMs
  }

  /** Those kept, in the order of time. */
  get pauses(): Pause[] {
    return this.#pauses.toSorted((left, right) => left.atMs - right.atMs)
  }

  answered({ atMs, backend, epoch }: AnswerMark): void {
    const last = this.#last
    this.#last = { atMs, backend, epoch }
    if (!last) {
      this.#firstMs = atMs
      this.#epoch = epoch
      return
    }
    const pauseMs = Math.max(0, atMs - last.atMs)
    const usualMs = this.#gaps === 0 ? 0 : (last.atMs - this.#firstMs) / this.#gaps
    this.#gaps++
    this.#longestMs = Math.max(this.#longestMs, pauseMs)
    // A late answer of the old epoch may follow the first of the new one: only a new highest is a change.
    const changed = epoch > this.#epoch && this.#epoch > 0
    this.#epoch = Math.max(this.#epoch, epoch)
    if (!changed && (pauseMs < notedMs || pauseMs < notedRatio * usualMs)) return
    const pause = { atMs: last.atMs, pauseMs, from: last.backend, to: backend }
    this.#keep({ ...pause, failover: changed, epochBefore: last.epoch, epochAfter: epoch })
  }

  #keep(pause: Pause): void {
    this.#pauses.push(pause)
    if (this.#pauses.length <= keptMax) return
    const worth = ({ failover, pauseMs }: Pause) => (failover ? Number.MAX_SAFE_INTEGER / 2 : 0) + pauseMs
    let least = 0
    for (const [index, kept] of this.#pauses.entries()) if (worth(kept) < worth(this.#pauses[least]!)) least = index
    this.#pauses.splice(least, 1)
  }
}
