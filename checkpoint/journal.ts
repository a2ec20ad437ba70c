/**
 * The journal port: an ordered log of records, the single source of truth for one shard's state.
 * Adapters: Kafka (`kafka-journal.ts`), a file (`file-journal.ts`), memory (`memory-journal.ts`). One conformance suite holds all of them.
 */

/** A record as read back: where it stands, and its bytes. */
export interface JournalRecord {
  offset: number
  value: Uint8Array
  /** When the broker took it, Unix milliseconds in digits, for people; missing where nobody notes it. */
  timestamp?: string
}

/** Receives records in offset order. While its promise is pending, no more records are delivered (backpressure). */
export type RecordListener = (records: JournalRecord[]) => void | Promise<void>

/** A standing read. */
export interface Tail {
  /** Starts the read afresh at `offset`. Records already under way may still arrive and must be skipped by offset. */
  seek(offset: number): void
  /** Ends it. No record is delivered after the promise resolves. */
  close(): Promise<void>
}

/** What every adapter offers. Offsets are safe integers, from 0, and never reused. */
export interface Journal {
  /** Most bytes of one record, known once it is open; undefined if nobody appends as much. */
  readonly recordBytesMax?: number | undefined
  /** Connects, creates the topic if it is missing and checks its settings. Rejects with `JOURNAL_UNSAFE` or `JOURNAL_UNREACHABLE`. */
  open(): Promise<void>
  /**
   * Appends one record and resolves with its offset once it is durable.
   * A rejection of any kind says nothing about the outcome: the record may be there, or may still land later.
   * Never retries by itself. After a rejection the next call uses a fresh client.
   * An offset of -1 or one that is too low is possible (a lying broker) and is the caller's to judge.
   */
  append(value: Uint8Array, deadlineMs: number): Promise<number>
  /** Starts a standing read at `from`; one per journal object. It heals itself: a read that fails is started again. */
  tail(from: number, onRecords: RecordListener): Promise<Tail>
  /** The first offset that can still be read. */
  start(): Promise<number>
  /**
   * The offset that the next record will get, from an offsets request (never from a fetch). `afresh` if an earlier answer cannot be believed: then
   * whatever connection gave it is not asked again, nor the broker behind it first, if there are several.
   */
  end(afresh?: boolean): Promise<number>
  /** Forgets every record below `before`. */
  truncate(before: number): Promise<void>
  /** Releases everything. Appends under way are rejected. */
  close(): Promise<void>
}
