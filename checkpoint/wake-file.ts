/**
 * Wakes readers in other processes when a record was committed: a file of one byte beside the journal, written anew after each commit and watched
 * by all (inotify, kqueue). The WAL itself would wake them too soon, before the commit can be seen. Only a hint: who misses it has a poll.
 */
import { closeSync, constants, type FSWatcher, openSync, watch, writeSync } from 'node:fs'

const mark = Buffer.from('.')

export class WakeFile {
  readonly #path: string
  readonly #onWake: () => void
  #handle: number | null = null
  #watcher: FSWatcher | null = null

  constructor(path: string, onWake: () => void) {
    this.#path = path
    this.#onWake = onWake
  }

  /** True if changes are being told; else only the poll finds them. */
  get watching(): boolean {
    return this.#watcher !== null
  }

  /** Begins to watch, if it does not. A system out of watches, or a file that somebody removed, leaves the poll. */
  watch(): void {
    if (this.#watcher || this.#open() === null) return
    try {
      this.#watcher = watch(this.#path, { persistent: false }, (event) => {
        if (event === 'rename') this.close() // the file is gone; the next poll begins anew
        this.#onWake()
      })
      this.#watcher.on('error', () => this.close())
    } catch {
      this.#watcher = null
    }
  }

  wakeOthers(): void {
    const handle = this.#open()
    if (handle === null) return
    try {
      writeSync(handle, mark, 0, 1, 0)
    } catch {
      this.close() // a full disk, say
    }
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = null
    if (this.#handle !== null) closeSync(this.#handle)
    this.#handle = null
  }

  #open(): number | null {
    try {
      this.#handle ??= openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600)
    } catch {
      return null
    }
    return this.#handle
  }
}
