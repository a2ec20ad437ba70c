/**
 * When a snapshot is due, who takes it, what is cleared away, and how far the journal may be truncated. Pure: time and chance are handed in.
 *
 * **Due** when the journal has grown, since the newest snapshot's start, by as many bytes as the state has, and by no less than a floor
 * (`snapshotTailBytes`). So what snapshots write is at most once more what the journal writes, however large the state; and a start reads at
 * most about twice the state, or the floor. The journal on disk is at most two such tails and what comes in while a copy is made.
 *
 * **Who**: a standby that has caught up, because it has time. The active only if it is alone: it was told that there is no standby, or one
 * has been due for long and nobody wrote one. Some random delay and a look right before let two standbys seldom take one both; if they
 * do, it costs bytes and nothing else.
 */
import { type Begun, complete, type Generation, type Manifest } from './snapshot-manifest.ts'

/** Times of the policy, milliseconds. */
export const snapshotTimes = {
  /** So often the snapshots are listed while none is due: for those who watch. */
  look: 60_000,
  /** And so often while one is due. */
  lookDue: 5_000,
  /** A list so young needs no other before a snapshot is begun. */
  lookFresh: 1_000,
  /** After one has been due for so long the active concludes that it is alone. */
  patience: 60_000,
  /** An unfinished generation that did not grow for so long was abandoned. */
  abandoned: 120_000,
  /** First and longest pause after a failure. */
  retry: 5_000,
  retryMax: 300_000,
} as const

/** What the policy is told at each question. */
export interface Situation {
  readonly nowMs: number
  /** `standby`: caught up, and follows. */
  readonly role: 'standby' | 'active' | 'neither'
  /** Bytes of journal since the newest snapshot's start, or since the beginning. */
  readonly tailBytes: number
  readonly stateBytes: number
  /** Standbys that there are besides this process; undefined if it is not known. */
  readonly standbys: number | undefined
}

export interface SnapshotPolicyOptions {
  /** No snapshot is due before the journal has grown by so many bytes. */
  readonly tailBytesMin: number
  /** Longest random delay before one is begun, milliseconds. */
  readonly delayMaxMs: number
  /** A number from 0 to 1, at random. */
  readonly random: () => number
}

export class SnapshotPolicy {
  readonly #options: SnapshotPolicyOptions
  #dueSinceMs: number | null = null
  #jitterMs = 0
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #failures = 0
  #newest: Manifest | null = null
  /** There were some and there are none: until there is one, what was truncated from the journal stands in memory only. */
  #gone = false
  /** Unfinished generations, and since when each stands as it does. */
  #unfinished = new Map<string, { readonly begun: Begun; readonly sinceMs: number }>()

  constructor(options: SnapshotPolicyOptions) {
    this.#options = options
  }

  /** The newest snapshot, as last listed. */
  get newest(): Manifest | null {
    return this.#newest
  }

  /** What is to be done now. `look`: list what there is, and tell `looked`. */
  decide(situation: Situation): 'nothing' | 'look' | 'take' {
    const { nowMs, role, tailBytes, stateBytes } = situation
    if (!this.#gone && tailBytes < Math.max(this.#options.tailBytesMin, stateBytes)) {
      this.#dueSinceMs = null
      return this.#lookIfOlderThan(snapshotTimes.look, nowMs)
    }
    if (this.#dueSinceMs === null) {
      this.#dueSinceMs = nowMs
      this.#jitterMs = this.#options.random() * this.#options.delayMaxMs
    }
    if (role === 'neither' || nowMs < this.#notBeforeMs) return 'nothing'
    const waitMs = this.#jitterMs + (role === 'active' && situation.standbys !== 0 ? snapshotTimes.patience : 0)
    const anotherIsAtIt = [...this.#unfinished.keys()].some((generation) => !this.#isAbandoned(generation, nowMs))
    if (nowMs - this.#dueSinceMs < waitMs || anotherIsAtIt) return this.#lookIfOlderThan(snapshotTimes.lookDue, nowMs)
    return this.#lookIfOlderThan(snapshotTimes.lookFresh, nowMs) === 'look' ? 'look' : 'take'
  }

  /** The snapshots were listed. */
  looked(generations: readonly Generation[], nowMs: number): void {
    this.#lookedAtMs = nowMs
    const newest = complete(generations)[0] ?? null
    this.#gone = newest === null && (this.#gone || this.#newest !== null)
    this.#newest = newest
    const unfinished = new Map<string, { begun: Begun; sinceMs: number }>()
    for (const begun of generations) {
      if (begun.state !== 'begun') continue
      const known = this.#unfinished.get(begun.generation)
      const same = known?.begun.chunksBelow === begun.chunksBelow && known.begun.writtenAtMs === begun.writtenAtMs
      unfinished.set(begun.generation, same ? known : { begun, sinceMs: nowMs })
    }
    this.#unfinished = unfinished
  }

  /** The snapshots could not be listed, or one could not be taken: not again before a while. */
  failed(nowMs: number): void {
    this.#notBeforeMs =
      nowMs + Math.min(snapshotTimes.retry * 2 ** Math.min(this.#failures++, 20), snapshotTimes.retryMax)
    this.#lookedAtMs = nowMs
  }

  /** One was taken. */
  succeeded(): void {
    this.#failures = 0
    this.#dueSinceMs = null
    this.#lookedAtMs = Number.NEGATIVE_INFINITY
  }

  /** What is to be cleared away, and below which offset the journal is no longer needed; see {@link leftovers}. */
  leftovers(generations: readonly Generation[], unsound: ReadonlySet<string>, nowMs: number): Leftovers {
    const abandoned = generations.filter(
      (one) => one.state === 'begun' && this.#isAbandoned(one.generation, nowMs),
    ) as Begun[]
    return leftovers(generations, unsound, abandoned)
  }

  #isAbandoned(generation: string, nowMs: number): boolean {
    const known = this.#unfinished.get(generation)
    return known !== undefined && nowMs - known.sinceMs >= snapshotTimes.abandoned
  }

  #lookIfOlderThan(ms: number, nowMs: number): 'nothing' | 'look' {
    return nowMs - this.#lookedAtMs >= ms && nowMs >= this.#notBeforeMs ? 'look' : 'nothing'
  }
}

export interface Leftovers {
  readonly remove: readonly (Manifest | Begun)[]
  /** Null: nothing may go. */
  readonly truncateBefore: number | null
}

/**
 * The two sound snapshots that start highest are kept, and the journal from the lower one's start on: if the higher one should turn out
 * damaged, the other and the journal are enough. What this program cannot read is left alone: a newer one may have written it.
 */
export function leftovers(
  generations: readonly Generation[],
  unsound: ReadonlySet<string>,
  abandoned: readonly Begun[],
): Leftovers {
  const all = complete(generations)
  const second = all.filter(({ generation }) => !unsound.has(generation))[1]
  if (!second) return { remove: abandoned, truncateBefore: null }
  const older = all.slice(all.indexOf(second) + 1)
  return { remove: [...older, ...abandoned], truncateBefore: second.start.offset }
}
