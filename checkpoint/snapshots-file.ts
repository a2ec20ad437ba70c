/** Snapshots in one file: an SQLite database in WAL mode, as a journal's. Synchronous: it lives in a thread of its own (`file-snapshots-worker.ts`). */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { createFile, type FileFormat, openFile } from './sqlite-file.ts'

export const snapshotsFormat: FileFormat = {
  what: 'store of snapshots',
  applicationId: 0x48_4c_53_31, // HLS1
  version: 1,
  schema: [
    'CREATE TABLE manifest (generation TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT',
    'CREATE TABLE chunk (location INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value BLOB NOT NULL) STRICT',
  ],
  rows: [],
}

/** So many chunks are forgotten in one transaction, so that other calls go between. */
const removalsMax = 16
/** The WAL is moved into the database when it has about so much, bytes. */
const walBytesMax = 16 * 1024 * 1024

export class SnapshotsFile {
  readonly #database: DatabaseSync
  readonly #insertChunk: StatementSync
  readonly #selectChunk: StatementSync
  readonly #deleteChunk: StatementSync
  #walBytes = 0

  /** Throws what SQLite and the system say; a CheckpointError for a file that is not sound. */
  constructor({ path, busyTimeoutMs, create }: { path: string; busyTimeoutMs: number; create: boolean }) {
    if (create) createFile(path, snapshotsFormat)
    this.#database = openFile(path, snapshotsFormat, busyTimeoutMs)
    try {
      this.#insertChunk = this.#database.prepare('INSERT INTO chunk (key, value) VALUES (?, ?)')
      this.#selectChunk = this.#database.prepare('SELECT value FROM chunk WHERE location = ? AND key = ?')
      this.#deleteChunk = this.#database.prepare('DELETE FROM chunk WHERE key = ?')
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  writeChunk(key: string, value: Uint8Array): number {
    const { lastInsertRowid } = this.#insertChunk.run(key, value) // no RETURNING, see `JournalFile.append`
    this.#moveWal(value.byteLength)
    return Number(lastInsertRowid)
  }

  writeManifest(generation: string, value: Uint8Array): void {
    this.#database.prepare('INSERT OR REPLACE INTO manifest VALUES (?, ?)').run(generation, value)
  }

  manifests(): [generation: string, value: Uint8Array][] {
    const rows = this.#database.prepare('SELECT generation, value FROM manifest').all()
    return rows.map(({ generation, value }) => [generation as string, value as Uint8Array])
  }

  /** Null if it is not there, or there is another one there. */
  readChunk(key: string, location: number): Uint8Array | null {
    return (this.#selectChunk.get(location, key)?.value as Uint8Array | undefined) ?? null
  }

  removeManifest(generation: string): void {
    this.#database.prepare('DELETE FROM manifest WHERE generation = ?').run(generation)
  }

  /** Forgets some of `keys`, from the first on; resolves with those that remain. Their room is used again. */
  removeChunks(keys: readonly string[]): readonly string[] {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      for (const key of keys.slice(0, removalsMax)) this.#deleteChunk.run(key)
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
    return keys.slice(removalsMax)
  }

  close(): void {
    this.#database.close()
  }

  #moveWal(addedBytes: number): void {
    this.#walBytes += addedBytes
    if (this.#walBytes < walBytesMax) return
    this.#walBytes = 0
    this.#database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
  }
}
