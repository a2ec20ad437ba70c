/**
 * The fold rule: which records of a journal are valid. A pure function of the prefix, so all readers agree for ever,
 * and a zombie's late writes are void without anyone blocking it (as in Restate's log: leadership is announced in the log).
 *
 * - A claim is valid if its reign is higher than the current one; then it is current.
 * - A commit is valid if its reign *and its incarnation* are the current ones: without the incarnation, two claimants of one
 *   reign would both commit.
 */
import { emptyDigest, nextDigest } from './digest.ts'
import { CheckpointError } from './errors.ts'
import { type Claim, type Commit, compareReigns, type Entry, type Reign } from './record.ts'

/** What the fold says of one record. */
export type Verdict = { readonly valid: true } | { readonly valid: false; readonly why: string }

/** Everything that later verdicts depend on. */
export interface FoldState {
  /** The next offset to fold. */
  readonly offset: number
  readonly reign: Reign
  readonly incarnation: string
  readonly node: string
  readonly url: string
  /** Running digest of the valid history. */
  readonly digest: string
  /** Journal time: that of the last valid record, milliseconds. */
  readonly at: number
}

/** The state before the first record. */
export const emptyFold: FoldState = {
  offset: 0,
  reign: [0, 0],
  incarnation: '',
  node: '',
  url: '',
  digest: emptyDigest,
  at: 0,
}

/** How many recent digests are kept, to check claims whose author had not read to the end. */
const digestsKept = 1024
const valid: Verdict = { valid: true }

/** Judges records in offset order. Deterministic; knows nothing of maps. */
export class Fold {
  #state: FoldState
  #lastValue: Uint8Array | null = null
  readonly #digests = new Map<number, string>()

  constructor(state: FoldState = emptyFold) {
    this.#state = state
    this.#digests.set(state.offset, state.digest)
  }

  get state(): FoldState {
    return this.#state
  }

  /** The record before `state.offset`, if it was judged here. */
  get lastValue(): Uint8Array | null {
    return this.#lastValue
  }

  /**
   * Judges the record at `state.offset` and moves past it.
   * @throws CheckpointError HISTORY_DIVERGED if a valid record was written upon another history than the one read here, or a commit under a
   * reign that was not claimed in it.
   */
  judge(entry: Entry, value: Uint8Array): Verdict {
    const verdict = entry.type === 'claim' ? this.#judgeClaim(entry) : this.#judgeCommit(entry)
    if (verdict.valid) this.#checkDigest(entry)
    const { offset, reign, incarnation, node, url, digest, at } = this.#state
    const successor = verdict.valid && entry.type === 'claim' ? entry : { reign, incarnation, node, url }
    this.#state = {
      offset: offset + 1,
      reign: successor.reign,
      incarnation: successor.incarnation,
      node: successor.node,
      url: successor.url,
      digest: verdict.valid ? nextDigest(digest, value) : digest,
      at: verdict.valid ? Math.max(at, entry.at) : at,
    }
    this.#lastValue = value
    this.#digests.set(offset + 1, this.#state.digest)
    this.#digests.delete(offset + 1 - digestsKept)
    return verdict
  }

  #judgeClaim(claim: Claim): Verdict {
    if (compareReigns(claim.reign, this.#state.reign) > 0) return valid
    return { valid: false, why: `reign ${claim.reign.join('.')} is not above ${this.#state.reign.join('.')}` }
  }

  #judgeCommit(commit: Commit): Verdict {
    const { offset, reign, incarnation } = this.#state
    // A writer commits once it has read its own claim: whoever reads the commit and not the claim reads on in another journal than it began in.
    if (compareReigns(commit.reign, reign) > 0)
      throw diverged(offset, `nobody claimed its reign ${commit.reign.join('.')} in it`)
    if (compareReigns(commit.reign, reign) !== 0) {
      return { valid: false, why: `reign ${commit.reign.join('.')} is not the current ${reign.join('.')}` }
    }
    if (incarnation === '') return { valid: false, why: 'no reign was claimed yet' }
    if (commit.incarnation !== incarnation)
      return { valid: false, why: `reign ${reign.join('.')} was claimed by ${incarnation}` }
    return valid
  }

  #checkDigest(entry: Entry): void {
    const { offset, digest } = this.#state
    const through = entry.type === 'claim' ? entry.through : offset
    const known = through === offset ? digest : this.#digests.get(through)
    if (entry.type === 'claim' && through > offset) {
      throw diverged(offset, `its author had read ${through} records, and only ${offset} stand before it`)
    }
    if (known !== undefined && known !== entry.digest) throw diverged(offset, 'it was written upon another history')
  }
}

function diverged(offset: number, what: string): CheckpointError {
  return new CheckpointError(
    'HISTORY_DIVERGED',
    `the journal record at offset ${offset} does not fit the history read before it: ${what}. ` +
      'Kafka lost records and regrew, or two replicas differ: stop all backends and compare their journals before going on',
  )
}
