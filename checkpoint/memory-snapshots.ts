/** Snapshots in memory, for tests and for trying things within one process. Kept as long as the {@link MemorySnapshots} is held. */
import { CheckpointError } from './errors.ts'
import type { ChunkListener, ChunkPlace, SnapshotStore } from './snapshot-store.ts'
import { nextTurn, realTime, type Time } from './time.ts'

/** What several memory stores share, as several processes share one Kafka. Open to tests that damage it. */
export class MemorySnapshots {
  readonly manifests = new Map<string, Uint8Array>()
  readonly chunks = new Map<string, Uint8Array>()
}

/** Makes a store over snapshots of its own, or over some that are shared. */
export function memorySnapshots(shared: MemorySnapshots = new MemorySnapshots(), time: Time = realTime): SnapshotStore {
  return new MemorySnapshotStore(shared, time)
}

class MemorySnapshotStore implements SnapshotStore {
  readonly #shared: MemorySnapshots
  readonly #time: Time
  #closed = false

  constructor(shared: MemorySnapshots, time: Time) {
    this.#shared = shared
    this.#time = time
  }

  async open(): Promise<void> {
    this.#mustBeOpen()
  }

  async writeChunk(key: string, value: Uint8Array): Promise<number> {
    await this.#turn()
    this.#shared.chunks.set(key, Uint8Array.from(value))
    return this.#shared.chunks.size - 1
  }

  async writeManifest(generation: string, value: Uint8Array): Promise<void> {
    await this.#turn()
    this.#shared.manifests.set(generation, Uint8Array.from(value))
  }

  async manifests(): Promise<ReadonlyMap<string, Uint8Array>> {
    await this.#turn()
    return new Map(this.#shared.manifests)
  }

  async readChunks(chunks: readonly ChunkPlace[], onChunk: ChunkListener): Promise<void> {
    for (const [index, { key }] of chunks.entries()) {
      await this.#turn()
      const value = this.#shared.chunks.get(key)
      if (value) await onChunk(index, Uint8Array.from(value))
    }
  }

  async removeManifest(generation: string): Promise<void> {
    await this.#turn()
    this.#shared.manifests.delete(generation)
  }

  async removeChunks(keys: readonly string[]): Promise<void> {
    await this.#turn()
    for (const key of keys) this.#shared.chunks.delete(key)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  /** Answers come later, as those of a store that is elsewhere do. */
  async #turn(): Promise<void> {
    this.#mustBeOpen()
    await nextTurn(this.#time)
    this.#mustBeOpen()
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new CheckpointError('STOPPED', 'the snapshot store was closed')
  }
}
