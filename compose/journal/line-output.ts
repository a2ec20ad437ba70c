/** Lines to a stream that may be a pipe: no faster than they are taken, and no fault if nobody takes them any more (`| head`). */
import { once } from 'node:events'
import type { Writable } from 'node:stream'

export class LineOutput {
  readonly #stream: Writable
  readonly #closing = new AbortController()
  #failure: Error | null = null

  constructor(stream: Writable) {
    this.#stream = stream
    stream.on('error', this.#onError)
    stream.once('close', this.#onClose)
  }

  /** Aborted when nobody reads any more. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  /** Resolves when the next line may be written. Nothing happens once nobody reads. Rejects if writing failed otherwise, as on a full disk. */
  async write(line: string): Promise<void> {
    if (!this.closed.aborted && !this.#stream.write(`${line}\n`)) {
      const { signal } = this.#closing
      await once(this.#stream, 'drain', { signal }).catch(() => undefined) // how it ended is in `#failure`
    }
    if (this.#failure) throw this.#failure
  }

  /** Resolves when all was taken, or nobody reads any more. The stream may still fail: that is heard to the end of the process. */
  async flush(): Promise<void> {
    if (!this.closed.aborted) await new Promise<void>((done) => this.#stream.write('', () => done()))
    this.#stream.off('close', this.#onClose)
    if (this.#failure) throw this.#failure
  }

  readonly #onError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') this.#failure ??= error
    this.#closing.abort()
  }

  readonly #onClose = () => this.#closing.abort()
}
