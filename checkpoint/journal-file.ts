/**
 * One journal in one file: an SQLite database in WAL mode, which the processes of one machine share. Synchronous, as `node:sqlite` is: it
 * lives in a process of its own (`file-journal-worker.ts`). SQLite's locks make appends of several processes one order; `synchronous=FULL`
 * makes each durable, also over power loss, before its offset is told (https://sqlite.org/wal.html, https://sqlite.org/pragma.html).
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { CheckpointError } from './errors.ts'
import { createFile, type FileFormat, openFile } from './sqlite-file.ts'

export const journalFormat: FileFormat = {
  what: 'journal',
  applicationId: 0x48_4c_4a_31, // HLJ1
  version: 1,
  schema: [
    'CREATE TABLE record (offset INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, value BLOB NOT NULL) STRICT',
    'CREATE TABLE truncation (id INTEGER PRIMARY KEY CHECK (id = 1), first INTEGER NOT NULL) STRICT',
  ],
  rows: ['INSERT INTO truncation VALUES (1, 0)'],
}

/** Records that stand one after the other: their bytes, end to end. */
export interface RecordBatch {
  readonly first: number
  readonly lengths: Uint32Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** One batch has at most so many bytes, but for a single record that is larger, and so many records. */
const batchBytesMax = 512 * 1024
const batchRecordsMax = 1_000
/** Truncation deletes so much in one transaction, so that appends go between: records, and bytes. */
const sliceRecordsMax = 500
const sliceBytesMax = 4 * 1024 * 1024
/** The WAL is moved into the database when so much was appended, or read and hardly appended, bytes. */
const dueBytes = { written: 16 * 1024 * 1024, read: 8 * 1024 * 1024 }
/** A WAL of so many bytes has waited for a moment without readers in vain. */
const walBytesHigh = 24 * 1024 * 1024
/** SQLite's default. */
const pageBytes = 4_096
/** About what a record adds to the WAL beside its value: the page that it stands on, and the one above. */
const recordOverheadBytes = 8_192

export interface JournalFileOptions {
  readonly path: string
  /** How long SQLite itself waits for another process's lock, milliseconds. */
  readonly busyTimeoutMs: number
  /** Most bytes of the database; none if undefined. */
  readonly bytesMax?: number | undefined
  /** Makes the file if it is not there. */
  readonly create: boolean
}

export class JournalFile {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #append: StatementSync
  readonly #read: StatementSync
  readonly #bounds: StatementSync
  #writtenBytes = 0
  #readBytes = 0

  /** Throws what SQLite and the system say; a {@link CheckpointError} for a file that is not sound. */
  constructor({ path, busyTimeoutMs, bytesMax, create }: JournalFileOptions) {
    this.#path = path
    if (create) createFile(path, journalFormat)
    this.#database = openFile(path, journalFormat, busyTimeoutMs)
    try {
      if (bytesMax !== undefined) limitBytes(this.#database, bytesMax)
      this.#append = this.#database.prepare(
        'INSERT INTO record VALUES (coalesce((SELECT max(offset) + 1 FROM record), (SELECT first FROM truncation)), ?, ?)',
      )
      this.#read = this.#database.prepare(
        'SELECT offset, checksum, value FROM record WHERE offset >= max(?, (SELECT first FROM truncation)) ORDER BY offset',
      )
      this.#bounds = this.#database.prepare(
        'SELECT first, coalesce((SELECT max(offset) + 1 FROM record), first) AS next FROM truncation',
      )
      this.bounds()
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /**
   * Appends one record; durable when it returns its offset. No `RETURNING`: it hands its row out before the commit, and up to Node 22 a
   * commit that failed then, on a full disk say, was said to nobody.
   */
  append(value: Uint8Array): number {
    const { lastInsertRowid } = this.#append.run(crc32(value), value)
    this.#writtenBytes += value.byteLength + recordOverheadBytes
    return Number(lastInsertRowid)
  }

  /** The first offset that can be read, and the one that the next record will get. */
  bounds(): { first: number; next: number } {
    const bounds = this.#bounds.get() as { first: number; next: number } | undefined
    if (!bounds) throw this.#damaged('its bounds are missing')
    return bounds
  }

  /** The records from `from` on, or from the first one that there is; null if there are none. */
  read(from: number): RecordBatch | null {
    const values: Uint8Array[] = []
    let first = -1
    let bytes = 0
    for (const row of this.#read.iterate(from)) {
      const { offset, checksum, value } = row as { offset: number; checksum: number; value: Uint8Array }
      if (first < 0) first = offset
      const expected = first + values.length
      if (offset !== expected) throw this.#damaged(`the record at offset ${expected} is missing`)
      if (crc32(value) !== checksum) throw this.#damaged(`the record at offset ${offset} has another checksum`)
      values.push(value)
      bytes += value.byteLength
      if (bytes >= batchBytesMax || values.length >= batchRecordsMax) break
    }
    if (values.length === 0) return null
    if (first > from && first > this.bounds().first)
      throw this.#damaged(`the record at offset ${Math.max(from, this.bounds().first)} is missing`)
    this.#readBytes += bytes + values.length * recordOverheadBytes
    return { first, ...packed(values, bytes) }
  }

  /**
   * Forgets the records below `before`, for every reader at once; gives their room back slice by slice: true while there is more to do.
   * When all are gone the next offset is the first one that can be read, so none is given twice.
   */
  truncate(before: number): boolean {
    const { first, next } = this.bounds()
    const goal = Math.min(before, next)
    if (goal > first) this.#database.prepare('UPDATE truncation SET first = max(first, ?)').run(goal)
    return this.#deleteSlice()
  }

  /**
   * Moves what the WAL holds into the database once it is long. By whoever only reads, earlier: that keeps no append waiting. By who appends,
   * to the end, since only then can the WAL begin anew; and if readers were in the way for too long, it waits for them.
   */
  moveWal(): void {
    const mostlyReads = this.#writtenBytes * 8 < this.#readBytes // a standby writes some void records too
    if (this.#writtenBytes < dueBytes.written && !(mostlyReads && this.#readBytes > dueBytes.read)) return
    this.#writtenBytes = 0
    this.#readBytes = 0
    const { log: pages } = this.#database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as { log: number }
    if (!mostlyReads && pages * pageBytes > walBytesHigh) this.#database.prepare('PRAGMA wal_checkpoint(RESTART)').get()
  }

  close(): void {
    this.#database.close()
  }

  #deleteSlice(): boolean {
    const doomed = this.#database
      .prepare(
        'SELECT offset, length(value) AS bytes FROM record WHERE offset < (SELECT first FROM truncation) ORDER BY offset LIMIT ?',
      )
      .all(sliceRecordsMax + 1) as { offset: number; bytes: number }[]
    let bytes = 0
    const fits = doomed.findIndex((row, index) => {
      bytes += row.bytes
      return index > 0 && (bytes > sliceBytesMax || index >= sliceRecordsMax)
    })
    const slice = fits < 0 ? doomed : doomed.slice(0, fits)
    const last = slice.at(-1)
    if (!last) return false
    this.#database.prepare('DELETE FROM record WHERE offset <= ?').run(last.offset)
    return slice.length < doomed.length
  }

  #damaged(what: string): CheckpointError {
    return new CheckpointError(
      'JOURNAL_UNREADABLE',
      `the journal ${this.#path} is damaged: ${what}; stopped there: restore the file from a copy`,
    )
  }
}

function packed(values: readonly Uint8Array[], bytes: number): Pick<RecordBatch, 'lengths' | 'bytes'> {
  const lengths = Uint32Array.from(values, (value) => value.byteLength)
  const all = new Uint8Array(bytes)
  let at = 0
  for (const value of values) {
    all.set(value, at)
    at += value.byteLength
  }
  return { lengths, bytes: all }
}

function limitBytes(database: DatabaseSync, bytesMax: number): void {
  database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(bytesMax / pageBytes))}`)
}
