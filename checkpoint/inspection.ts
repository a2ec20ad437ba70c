/**
 * Judges a journal's records for a person, by the fold of every reader. Where that needs records that are gone, what they would say is left
 * open, never guessed. Pure.
 *
 * What can be known without the beginning: reigns only rise. After a claim, valid or void, the current reign is that one or a higher one. So a
 * later claim that is not above it is void, and a commit below it too; whether any other record is valid is not known. (That commits
 * follow a claim by its own author proves nothing of the fold: a program at fault may be what is looked for.)
 */
import { CheckpointError } from './errors.ts'
import { Fold, type FoldState } from './fold.ts'
import type { JournalRecord } from './journal.ts'
import { compareReigns, decodeEntry, type Entry, type Reign } from './record.ts'

/**
 * `unknown`: it depends on records that are gone. `diverged`: it is valid, and was written upon another history than stands before it.
 * `unreadable`: it is no record that this program knows. Every reader stops at the last two.
 */
export type InspectedVerdict = 'valid' | 'void' | 'unknown' | 'diverged' | 'unreadable'

/** A record as a person looks at it. */
export interface Inspected {
  readonly offset: number
  readonly sizeBytes: number
  /** When it was appended, Unix milliseconds; null where the journal does not note it. */
  readonly appendedAtMs: number | null
  /** Null if it is unreadable. */
  readonly entry: Entry | null
  /** Name of the node that wrote it; null if no claim of it was seen. */
  readonly node: string | null
  readonly verdict: InspectedVerdict
  /** Why it is not valid; null if it is. */
  readonly why: string | null
}

/** From where verdicts are given: with what the fold knows there, or without. */
export type InspectionStart = FoldState | { readonly offset: number; readonly why: string }

/** So many claims are kept in mind, for the names of their nodes. */
const claimsMax = 1_000

export class Inspection {
  #offset: number
  #fold: Fold | null = null
  /** Why nothing is known for certain, where there is no fold … */
  #why = ''
  /** … and the least that the current reign can be. */
  #least: Reign = [0, 0]
  readonly #nodes = new Map<string, string>()

  constructor(start: InspectionStart) {
    this.#offset = start.offset
    if ('why' in start) this.#why = `who is current is not known: ${start.why}`
    else {
      this.#fold = new Fold(start)
      this.#nodes.set(start.incarnation, start.node)
    }
  }

  /** The offset of the next record. */
  get offset(): number {
    return this.#offset
  }

  /** True while verdicts are known. */
  get certain(): boolean {
    return this.#fold !== null
  }

  /** Judges the next record. One that was judged before must not come again; after a gap nothing is certain. */
  inspect({ offset, value, timestamp }: JournalRecord): Inspected {
    if (offset < this.#offset) throw new Error(`assertion: the record at offset ${offset} was judged before`)
    if (offset > this.#offset) this.#doubt(`the records from offset ${this.#offset} to ${offset - 1} are missing`)
    this.#offset = offset + 1
    const about = { offset, sizeBytes: value.length, appendedAtMs: timestamp === undefined ? null : Number(timestamp) }
    let entry: Entry
    try {
      entry = decodeEntry(value, offset)
    } catch (error) {
      const why = messageOf(error)
      this.#doubt(`the record at offset ${offset} cannot be read`)
      return { ...about, entry: null, node: null, verdict: 'unreadable', why }
    }
    if (entry.type === 'claim') this.#remember(entry.incarnation, entry.node)
    const judged = this.#fold ? this.#judge(this.#fold, entry, value) : this.#judgeInDoubt(entry)
    return { ...about, entry, node: this.#nodes.get(entry.incarnation) ?? null, ...judged }
  }

  #judge(fold: Fold, entry: Entry, value: Uint8Array): Pick<Inspected, 'verdict' | 'why'> {
    try {
      const verdict = fold.judge(entry, value)
      return verdict.valid ? { verdict: 'valid', why: null } : { verdict: 'void', why: verdict.why }
    } catch (error) {
      const why = messageOf(error)
      this.#doubt(`the record at offset ${this.#offset - 1} does not fit the history before it`)
      this.#raise(entry)
      return { verdict: 'diverged', why }
    }
  }

  #judgeInDoubt(entry: Entry): Pick<Inspected, 'verdict' | 'why'> {
    const why = this.#voidInAnyCase(entry)
    this.#raise(entry)
    return why === null ? { verdict: 'unknown', why: this.#why } : { verdict: 'void', why }
  }

  #voidInAnyCase({ type, reign }: Entry): string | null {
    const least = `${this.#least.join('.')}${this.#least[0] > 0 ? ' or a higher one' : ''}`
    const order = compareReigns(reign, this.#least)
    if (type === 'claim' && order <= 0) return `reign ${reign.join('.')} is not above the current, which is ${least}`
    if (type === 'commit' && order < 0) return `reign ${reign.join('.')} is not the current, which is ${least}`
    if (type === 'commit' && compareReigns(reign, [0, 0]) === 0) return 'reign 0.0 is nobody’s'
    return null
  }

  /** From here on only what holds in any case is known. */
  #doubt(why: string): void {
    if (this.#fold) this.#least = this.#fold.state.reign
    this.#fold = null
    this.#why = `who is current is not known: ${why}`
  }

  #raise({ type, reign }: Entry): void {
    if (type === 'claim' && compareReigns(reign, this.#least) > 0) this.#least = reign
  }

  #remember(incarnation: string, node: string): void {
    this.#nodes.delete(incarnation)
    this.#nodes.set(incarnation, node)
    if (this.#nodes.size > claimsMax) this.#nodes.delete(this.#nodes.keys().next().value!)
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof CheckpointError)) throw error
  return error.message
}
