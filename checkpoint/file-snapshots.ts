/** Snapshots beside an embedded journal: a file that the processes of one machine share. A full disk is JOURNAL_FULL, and may pass. */
import { join, resolve } from 'node:path'
import { CheckpointError } from './errors.ts'
import { FileServant } from './file-servant.ts'
import type { SnapshotsCall, SnapshotsServantData } from './file-snapshots-worker.ts'
import type { ChunkListener, ChunkPlace, SnapshotStore } from './snapshot-store.ts'

export interface FileSnapshotsOptions {
  /** On a local disk; made if it is missing, in one that exists. */
  readonly directory: string
  /** Names the file: `TOPIC.sqlite`. */
  readonly topic: string
}

/** A chunk is large, and a snapshot is in no hurry, milliseconds. */
const callDeadlineMs = 10_000
/** Removing is done slice by slice; what is not done by then goes on in the thread, milliseconds. */
const removeDeadlineMs = 60_000

/** Makes a snapshot store in a file. Nothing is opened before `open`. */
export function fileSnapshots(options: FileSnapshotsOptions): SnapshotStore {
  return new FileSnapshotStore(options)
}

class FileSnapshotStore implements SnapshotStore {
  readonly #servant: FileServant<SnapshotsCall, never, never>

  constructor({ directory, topic }: FileSnapshotsOptions) {
    const path = join(resolve(directory), `${topic}.sqlite`)
    this.#servant = new FileServant({
      kind: 'thread', // one that hangs keeps snapshots waiting, and no service
      name: 'file-snapshots-worker',
      data: { path } satisfies SnapshotsServantData,
      path,
      onNews: () => undefined,
      onStart: () => undefined,
    })
  }

  async open(): Promise<void> {
    await this.#servant.call({ kind: 'open' }, callDeadlineMs)
  }

  async writeChunk(key: string, value: Uint8Array): Promise<number> {
    const copy = Uint8Array.from(value) // what is posted is posted with the whole buffer around it
    return (await this.#servant.call({ kind: 'writeChunk', key, value: copy }, callDeadlineMs, [copy.buffer])) as number
  }

  async writeManifest(generation: string, value: Uint8Array): Promise<void> {
    await this.#servant.call({ kind: 'writeManifest', generation, value: Uint8Array.from(value) }, callDeadlineMs)
  }

  async manifests(): Promise<ReadonlyMap<string, Uint8Array>> {
    return new Map((await this.#servant.call({ kind: 'manifests' }, callDeadlineMs)) as [string, Uint8Array][])
  }

  async readChunks(chunks: readonly ChunkPlace[], onChunk: ChunkListener): Promise<void> {
    let next = this.#readChunk(chunks[0])
    for (const index of chunks.keys()) {
      const value = await next
      next = this.#readChunk(chunks[index + 1]) // read while the listener works on this one
      next.catch(() => undefined) // told when it is its turn
      if (value) await onChunk(index, value)
    }
  }

  async removeManifest(generation: string): Promise<void> {
    await this.#servant.call({ kind: 'removeManifest', generation }, callDeadlineMs)
  }

  async removeChunks(keys: readonly string[]): Promise<void> {
    await this.#servant.call({ kind: 'removeChunks', keys }, removeDeadlineMs)
  }

  async close(): Promise<void> {
    await this.#servant.close({ kind: 'close' }, new CheckpointError('STOPPED', 'the snapshot store was closed'))
  }

  async #readChunk(chunk: ChunkPlace | undefined): Promise<Uint8Array | null> {
    if (!chunk) return null
    const { key, location } = chunk
    return (await this.#servant.call({ kind: 'readChunk', key, location }, callDeadlineMs)) as Uint8Array | null
  }
}
