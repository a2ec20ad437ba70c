/**
 * The fold rule at its plainest, written apart from checkpoint/fold.ts, to judge it: a claim counts if its reign is higher than the
 * current one, a commit if its reign and its incarnation are the current ones; all else counts for nothing.
 */
import { type PlainRecord, type PlainTransaction, readPlainRecord } from './plain-record.ts'

/** A transaction of a commit that counts. */
export interface ValidTransaction extends PlainTransaction {
  readonly offset: number
}

/** What every reader must know after the record before `offset`. */
export interface PlainPlace {
  readonly offset: number
  readonly epoch: number
  readonly attempt: number
  readonly incarnation: string
}

/** Named maps of JSON texts. */
export type PlainMaps = Map<string, Map<string, string>>

/** A whole journal, folded from its first record. Records can be added as the journal grows. */
export class PlainFold {
  /** The places before each record, and the one after the last. */
  readonly places: PlainPlace[] = [{ offset: 0, epoch: 0, attempt: 0, incarnation: '' }]
  /** In the order of the log. */
  readonly transactions: ValidTransaction[] = []
  /** Offsets of commits that count. */
  readonly validCommits: number[] = []

  get end(): number {
    return this.places.length - 1
  }

  /** Takes the records that are new since the last call. */
  follow(records: readonly Uint8Array[]): void {
    for (let offset = this.end; offset < records.length; offset++) this.#take(offset, readPlainRecord(records[offset]!))
  }

  /** The state at an offset: all transactions before it. */
  mapsAt(offset: number): PlainMaps {
    const maps: PlainMaps = new Map()
    for (const transaction of this.transactions) {
      if (transaction.offset >= offset) break
      for (const { map, key, text } of transaction.changes) {
        let entries = maps.get(map)
        if (!entries) {
          entries = new Map()
          maps.set(map, entries)
        }
        if (text === null) entries.delete(key)
        else entries.set(key, text)
      }
    }
    return maps
  }

  #take(offset: number, record: PlainRecord): void {
    const { epoch, attempt, incarnation } = this.places[offset]!
    const next = { offset: offset + 1, epoch, attempt, incarnation }
    const [recordEpoch, recordAttempt] = record.reign
    if (record.type === 'claim') {
      const isHigher = recordEpoch > epoch || (recordEpoch === epoch && recordAttempt > attempt)
      if (isHigher) {
        this.places.push({
          offset: offset + 1,
          epoch: recordEpoch,
          attempt: recordAttempt,
          incarnation: record.incarnation,
        })
        return
      }
    } else if (recordEpoch === epoch && recordAttempt === attempt && record.incarnation === incarnation) {
      this.validCommits.push(offset)
      for (const transaction of record.transactions) this.transactions.push({ ...transaction, offset })
    }
    this.places.push(next)
  }
}
