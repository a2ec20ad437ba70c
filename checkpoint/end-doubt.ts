/**
 * Judges what looks say of a journal's end. An end short of what is known to stand in the journal is a loss, or the word of a partition leader that is
 * cut off from Kafka's controllers and was replaced without knowing it. Such a broker answers for minutes, and a client that took it for
 * the leader keeps to it; so others are asked, by clients that are made for the purpose and begin at another broker each. What is short
 * only for some is no loss. Pure.
 */

/** `sound`: to be believed. `doubtful`: to be asked again, afresh, and nothing to go by. `lost`: the journal lost what was read of it. */
export type EndVerdict = 'sound' | 'doubtful' | 'lost'

/** The answer to a look, and what was known when it was asked. */
export interface LookAnswer {
  readonly end: number
  /** So many records had been read. */
  readonly read: number
  /** An append had been answered with this offset, and it was not read yet; null if none. */
  readonly awaited: number | null
  /** True if a client asked that was made for it. */
  readonly afresh: boolean
}

/** Kafka replaces a leader that is cut off within its `broker.session.timeout.ms`, 9 s by default; until then no other broker knows better, milliseconds. */
export const lostAfterMs = 10_000
/** And so many fresh clients in a row must have said so: with three brokers, of which each third one asks, chance alone does not. */
export const lostAfterAnswers = 10

export class EndDoubt {
  #doubtful = false
  #shortSinceMs: number | null = null
  #freshAnswers = 0
  #appendedBelow = false

  /** True while the last answer is not to be believed: the next is to be asked for afresh. */
  get doubtful(): boolean {
    return this.#doubtful
  }

  /**
   * An append that was sent when `read` records had been read was answered with `offset`. True if that is below them, and a look is to be taken now: the
   * answer is false, or there is room where they stood. A leader that is cut off cannot acknowledge, so then one short look is enough, before the
   * writer's own claims fill that room.
   */
  appended(read: number, offset: number): boolean {
    if (offset < 0 || offset >= read) return false
    this.#appendedBelow = true
    return true
  }

  /** A look was answered. */
  judge({ end, read, awaited, afresh }: LookAnswer, nowMs: number): EndVerdict {
    this.#doubtful = end < read || (awaited !== null && end <= awaited)
    if (end >= read) {
      this.#shortSinceMs = null
      this.#freshAnswers = 0
      if (!this.#doubtful) this.#appendedBelow = false
      return this.#doubtful ? 'doubtful' : 'sound' // an append may have been answered falsely: that is the writer's to settle
    }
    this.#shortSinceMs ??= nowMs
    if (afresh) this.#freshAnswers++
    const longEnough = nowMs - this.#shortSinceMs >= lostAfterMs && this.#freshAnswers >= lostAfterAnswers
    return longEnough || this.#appendedBelow ? 'lost' : 'doubtful'
  }
}
