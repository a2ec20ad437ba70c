/** What every thread or process that works on a database file does alike: opens it when it is needed, waits for other processes' locks, and says what went wrong. */
import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { CheckpointError } from './errors.ts'
import { fileError, isBusy } from './file-failure.ts'

export interface FileHostOptions<File> {
  readonly path: string
  /** Opens the file; `first`: it may have to be made. */
  readonly open: (first: boolean) => File
}

/** SQLite's own wait for a lock, which holds whoever works on it; beyond it the work is tried again, for as long as it may take, milliseconds. */
export const busyTimeoutMs = 100
/** How long work without a deadline of its own waits for locks, milliseconds. */
export const patienceMs = 4_000

export class FileHost<File extends { close(): void }> {
  readonly #options: FileHostOptions<File>
  readonly #directory: string
  #file: File | null = null
  /** Of the file that was opened first. */
  #identity: string | null = null
  /** Once the file is known to be damaged, or gone, it is left alone, and everybody who asks is told. */
  #damage: CheckpointError | null = null
  #closed = false

  constructor(options: FileHostOptions<File>) {
    this.#options = options
    this.#directory = dirname(options.path)
  }

  get closed(): boolean {
    return this.#closed
  }

  get damaged(): boolean {
    return this.#damage !== null
  }

  /** The file, if it is open. */
  get file(): File | null {
    return this.#file
  }

  /**
   * Does `work` on the file, again and again while another process holds it, until `deadlineMs` in time of {@link monotonicMs}.
   * What failed otherwise may have left the connection in doubt: the next work gets a fresh one.
   */
  run<R>(deadlineMs: number, work: (file: File) => R): R {
    if (monotonicMs() >= deadlineMs)
      throw new CheckpointError(
        'JOURNAL_UNREACHABLE',
        `the disk under ${this.#options.path} is too slow: not begun in time`,
      )
    for (;;) {
      try {
        return work(this.#use())
      } catch (error) {
        if (!isBusy(error)) this.#let()
        else if (monotonicMs() < deadlineMs) continue
        throw error
      }
    }
  }

  /** The error for what `run` threw. */
  failureOf(error: unknown, doing: string): CheckpointError {
    const { path } = this.#options
    const failure = fileError({ error, directory: this.#directory, path, doing, freeBytes: freeBytes(this.#directory) })
    if (failure.code === 'JOURNAL_UNREADABLE' || failure.code === 'HISTORY_LOST') this.#damage ??= failure
    return failure
  }

  close(): void {
    this.#closed = true
    this.#let()
  }

  #use(): File {
    if (this.#closed) throw new CheckpointError('STOPPED', 'the journal was closed')
    if (this.#damage) throw this.#damage
    if (this.#identity !== null) this.#mustBeThere(this.#identity)
    this.#file ??= this.#options.open(this.#identity === null)
    this.#identity ??= identityOf(this.#options.path)
    return this.#file
  }

  #let(): void {
    const file = this.#file
    this.#file = null
    file?.close()
  }

  /** A file that was removed goes on taking records that nobody will ever find. */
  #mustBeThere(identity: string): void {
    const { path } = this.#options
    if (identityOf(path) === identity) return
    throw new CheckpointError(
      'HISTORY_LOST',
      `${path} was removed or replaced while it was in use: stop everything that uses ${this.#directory}, put it back, and start again`,
    )
  }
}

/** One clock for all processes of a machine, milliseconds. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function identityOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false })
  return found ? `${found.dev}:${found.ino}` : null
}

function freeBytes(directory: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return undefined
  }
}
