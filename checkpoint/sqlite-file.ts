/**
 * Database files of ours, for `node:sqlite`: made whole or not at all, readable by their owner only, and refused with the reason if they are
 * not what they should be. Synchronous.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { CheckpointError } from './errors.ts'

/** What makes a file one of a kind. */
export interface FileFormat {
  /** In a word, for people. */
  readonly what: string
  /** SQLite keeps it in the file's head (https://sqlite.org/pragma.html#pragma_application_id). */
  readonly applicationId: number
  readonly version: number
  /** Its tables: a file with other ones, or with triggers, is refused. */
  readonly schema: readonly string[]
  /** The rows that a new one has. */
  readonly rows: readonly string[]
}

/** The WAL is cut back to this when it begins anew, bytes. */
const walBytesMax = 16 * 1024 * 1024

/**
 * Makes the file if there is none, and its directory. Under another name first: a process that dies meanwhile leaves nothing that looks like
 * a journal without records. Never opens one that is there: closing it would take SQLite's locks away (https://sqlite.org/howtocorrupt.html).
 */
export function createFile(path: string, format: FileFormat): void {
  if (statSync(path, { throwIfNoEntry: false })) return
  const directory = dirname(path)
  makeDirectory(directory)
  const unfinished = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    closeSync(openSync(unfinished, 'wx', 0o600)) // its WAL gets the same mode from SQLite
    const database = new DatabaseSync(unfinished)
    try {
      database.exec('PRAGMA synchronous = FULL; BEGIN')
      for (const statement of [...format.schema, ...format.rows]) database.exec(statement)
      database.exec(`PRAGMA application_id = ${format.applicationId}; PRAGMA user_version = ${format.version}; COMMIT`)
      database.exec('PRAGMA journal_mode = WAL')
    } finally {
      database.close()
    }
    linkSync(unfinished, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // else another process was first
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${unfinished}${suffix}`, { force: true })
  }
  syncDirectory(directory)
}

/** Opens a file that is there. @throws CheckpointError JOURNAL_UNUSABLE for one that is not of this format; what SQLite says. */
export function openFile(path: string, format: FileFormat, busyTimeoutMs: number): DatabaseSync {
  const found = statSync(path)
  if (!found.isFile()) throw unusable(path, format, 'it is no file')
  if (found.size === 0) throw unusable(path, format, 'it is empty, and one of ours never is')
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, allowExtension: false })
  try {
    checkFormat(database, path, format)
    const { journal_mode: mode } = database.prepare('PRAGMA journal_mode = WAL').get() as { journal_mode: string }
    if (mode !== 'wal')
      throw unusable(path, format, 'its file system has no shared memory: give a directory on a local disk')
    // The last two matter on macOS only, where fsync alone does not empty the disk's own cache.
    database.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${walBytesMax};
      PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function checkFormat(database: DatabaseSync, path: string, format: FileFormat): void {
  const { application_id: id } = database.prepare('PRAGMA application_id').get() as { application_id: number }
  if (id !== format.applicationId) throw unusable(path, format, 'it is a database of another program')
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version !== format.version) {
    const reason = `it has format ${version}, and this program knows format ${format.version}: use the program that wrote it, or a newer one`
    throw unusable(path, format, reason)
  }
  const found = database.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid').all()
  if (JSON.stringify(found.map(({ sql }) => sql)) !== JSON.stringify(format.schema))
    throw unusable(path, format, 'its tables are not those of one')
}

function unusable(path: string, format: FileFormat, reason: string): CheckpointError {
  return new CheckpointError('JOURNAL_UNUSABLE', `${path} is no ${format.what} of Heartline: ${reason}`)
}

/** The directory, and only it: what stands above is the person's. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 })
    syncDirectory(dirname(directory))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** So that the name of a new file survives a loss of power. Windows has no such thing. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(directory, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
