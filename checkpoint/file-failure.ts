/** What went wrong with a database file, in one line for a person: from SQLite's result codes (https://sqlite.org/rescode.html) and the system's. Pure. */
import { CheckpointError, type CheckpointErrorCode } from './errors.ts'

/** What is known of a failure. */
export interface FileFailure {
  /** As thrown by `node:sqlite` (`errcode`) or `node:fs` (`code`). */
  readonly error: unknown
  readonly directory: string
  readonly path: string
  /** Such as `append`. */
  readonly doing: string
  /** Bytes that this user may still write there; undefined if the system does not tell. */
  readonly freeBytes: number | undefined
}

/** Below this a disk counts as full where SQLite only says that writing failed, bytes. */
const fullBelowBytes = 1024 * 1024

const primary = {
  internal: 2,
  permission: 3,
  busy: 5,
  locked: 6,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notDatabase: 26,
}
/** Results for which a full disk may be the reason: no WAL can be made; of `io`: write, truncate, growing the shared memory, and its map. */
const writes = new Set([primary.cannotOpen, 778, 1546, 4874, 5386])
const forbidden = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'EISDIR',
  'ENOENT',
  'ENAMETOOLONG',
  'ELOOP',
  'ENOTSUP',
  'EINVAL',
])

/** The error for a failure; one that is typed already stays as it is. */
export function fileError(failure: FileFailure): CheckpointError {
  if (failure.error instanceof CheckpointError) return failure.error
  const { code, message } = judge(failure)
  return new CheckpointError(code, message, failure.error)
}

/** True if another process was in the way, and trying again may be enough. */
export function isBusy(error: unknown): boolean {
  const result = resultOf(error) & 0xff
  return result === primary.busy || result === primary.locked
}

function judge({ error, directory, path, doing, freeBytes }: FileFailure): {
  code: CheckpointErrorCode
  message: string
} {
  const { code: systemCode, errstr } = error as { code?: string; errstr?: string }
  const result = resultOf(error)
  const reason = errstr ?? (error instanceof Error ? error.message : String(error))
  const fullUp = freeBytes !== undefined && freeBytes < fullBelowBytes
  if (result === primary.full || systemCode === 'ENOSPC' || systemCode === 'EDQUOT' || (writes.has(result) && fullUp)) {
    const advice = 'make room there; nothing that was acknowledged is lost, and what waits is written then'
    return { code: 'JOURNAL_FULL', message: `could not ${doing} ${path}: the disk is full: ${advice}` }
  }
  switch (result & 0xff) {
    case primary.busy:
    case primary.locked:
      return { code: 'JOURNAL_UNREACHABLE', message: `could not ${doing} ${path} in time: another process holds it` }
    case primary.corrupt:
      return { code: 'JOURNAL_UNREADABLE', message: `${path} is damaged (${reason}): restore the file from a copy` }
    case primary.notDatabase:
      return {
        code: 'JOURNAL_UNUSABLE',
        message: `${path} is no database: it is damaged, or another program's; restore it from a copy, or give another directory`,
      }
    case primary.permission:
    case primary.readOnly:
    case primary.cannotOpen:
      return { code: 'JOURNAL_UNUSABLE', message: unusable(directory, `${path}: ${reason}`) }
  }
  if (systemCode !== undefined && forbidden.has(systemCode))
    return { code: 'JOURNAL_UNUSABLE', message: unusable(directory, reason) }
  return { code: 'JOURNAL_UNREACHABLE', message: `could not ${doing} ${path}: ${reason}` }
}

function unusable(directory: string, reason: string): string {
  return `the embedded journal cannot use ${directory} (${reason}): give a directory on a local disk that this user may write, by --kafka file:DIR`
}

function resultOf(error: unknown): number {
  const { errcode } = error as { errcode?: unknown }
  return typeof errcode === 'number' ? errcode : 0
}
