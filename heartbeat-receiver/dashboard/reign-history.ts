/** The last reigns, as the board shows them. Pure; kept also while nobody watches. */
import type { FirstAnswer, ReceiverEvent } from '../protocol.ts'
import type { BoardReign } from './board.ts'
import { reignsMax } from './fold.ts'

/** A reign that was decided so long before it is heard of began before this receiver watched, milliseconds. */
const foundAfterMs = 5_000
/** A first answer this much later than another's is of a balancer that was not there, and held nothing for this reign, milliseconds. */
const heldWithinMs = 10_000

interface Kept {
  reign: BoardReign
  /** It was found in the journal: when it became ready was not seen. */
  readonly found: boolean
}

export class ReignHistory {
  #kept: Kept[] = []
  #all: readonly BoardReign[] = []

  /** Oldest first. A new array if anything changed; a reign that changed is a new object. */
  get all(): readonly BoardReign[] {
    return this.#all
  }

  /** Somebody is named. */
  decided(event: ReceiverEvent & { type: 'decided' }): void {
    const { decision, atMs, previous, reason, planned = false, decidedAtMs = atMs } = event
    const { shard, epoch, name } = decision
    const known = this.#find(shard, epoch)
    if (known?.reign.name === name) return // told early, and now read in the journal
    for (const kept of this.#kept)
      if (kept.reign.shard === shard && kept.reign.endedAtMs === null)
        kept.reign = { ...kept.reign, endedAtMs: Math.max(decidedAtMs, kept.reign.decidedAtMs) }
    const reign: BoardReign = {
      ...{ shard, epoch, name, previous, reason, planned, decidedAtMs },
      detectedAtMs: Math.min(event.detectedAtMs, decidedAtMs),
      ...{ readyAtMs: null, firstAnswerAtMs: null, held: null, endedAtMs: null },
    }
    const kept = { reign, found: atMs - decidedAtMs > foundAfterMs }
    if (known) this.#kept[this.#kept.indexOf(known)] = kept
    else this.#kept = [...this.#kept, kept].slice(-reignsMax)
    this.#changed()
  }

  /** The backend that was named serves. */
  ready({ epoch, name, atMs }: ReceiverEvent & { type: 'ready' }): void {
    const kept = this.#kept.findLast(({ reign }) => reign.epoch === epoch && reign.name === name)
    if (!kept || kept.found || kept.reign.readyAtMs !== null) return
    kept.reign = { ...kept.reign, readyAtMs: atMs }
    this.#changed()
  }

  /** A balancer has answered; `nowMs` is when that was heard: clocks of other machines may be wrong. */
  firstAnswer(answer: FirstAnswer, nowMs: number): void {
    const kept = this.#find(answer.shard, answer.epoch)
    if (!kept || kept.found) return
    const { reign } = kept
    const atMs = Math.min(Math.max(answer.atMs, reign.readyAtMs ?? reign.decidedAtMs), nowMs)
    const first = reign.firstAnswerAtMs
    if (first !== null && atMs - first > heldWithinMs) return
    kept.reign = {
      ...reign,
      firstAnswerAtMs: first === null ? atMs : Math.min(first, atMs),
      held: (reign.held ?? 0) + answer.held,
    }
    this.#changed()
  }

  #find(shard: number, epoch: number): Kept | undefined {
    return this.#kept.find(({ reign }) => reign.shard === shard && reign.epoch === epoch)
  }

  #changed(): void {
    this.#all = this.#kept.map(({ reign }) => reign)
  }
}
