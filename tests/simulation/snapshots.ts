/** The snapshot store of the simulated world: shared by all processes, each over its own way to the brokers. */
import { CheckpointError } from '../../checkpoint/errors.ts'
import type { ChunkListener, ChunkPlace, SnapshotStore } from '../../checkpoint/snapshot-store.ts'
import { BrokerLink, type BrokerOptions } from './kafka.ts'
import type { SimProcess } from './process.ts'
import { chance } from './random.ts'

/** What all processes see. */
export class SimSnapshotTopic {
  readonly manifests = new Map<string, Uint8Array>()
  readonly chunks = new Map<string, Uint8Array>()
  written = 0
}

/** A write fails now and then, done or not. */
const failShareDefault = 0.02

export class SimSnapshots implements SnapshotStore {
  readonly #link: BrokerLink
  readonly #topic: SimSnapshotTopic

  readonly #failShare: number

  constructor(options: BrokerOptions, topic: SimSnapshotTopic, process: SimProcess, failShare = failShareDefault) {
    this.#failShare = failShare
    this.#link = new BrokerLink(options, process)
    this.#topic = topic
  }

  async open(): Promise<void> {
    await this.#link.ask(() => undefined, 'open')
  }

  async writeChunk(key: string, value: Uint8Array): Promise<number> {
    const copy = Uint8Array.from(value)
    const location = await this.#write(() => {
      this.#topic.chunks.set(key, copy)
      return this.#topic.written++
    })
    return location
  }

  async writeManifest(generation: string, value: Uint8Array): Promise<void> {
    const copy = Uint8Array.from(value)
    await this.#write(() => void this.#topic.manifests.set(generation, copy))
    this.#link.options.count('snapshot manifest written')
  }

  manifests(): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#link.ask(() => new Map(this.#topic.manifests), 'manifests')
  }

  async readChunks(chunks: readonly ChunkPlace[], onChunk: ChunkListener): Promise<void> {
    for (const [index, { key }] of chunks.entries()) {
      const value = await this.#link.ask(() => this.#topic.chunks.get(key), 'a chunk')
      if (value) await onChunk(index, Uint8Array.from(value))
    }
    this.#link.options.count('snapshot read')
  }

  async removeManifest(generation: string): Promise<void> {
    await this.#write(() => void this.#topic.manifests.delete(generation))
  }

  async removeChunks(keys: readonly string[]): Promise<void> {
    await this.#write(() => {
      for (const key of keys) this.#topic.chunks.delete(key)
    })
  }

  async close(): Promise<void> {
    this.#link.closed = true
  }

  async #write<Answer>(work: () => Answer): Promise<Answer> {
    const { random } = this.#link.options
    const fails = chance(random, this.#failShare)
    const happens = !fails || chance(random, 0.5)
    const answer = await this.#link.ask(() => (happens ? work() : undefined), 'a write')
    if (fails) throw new CheckpointError('JOURNAL_UNREACHABLE', 'simulated: the write failed')
    return answer as Answer
  }
}
