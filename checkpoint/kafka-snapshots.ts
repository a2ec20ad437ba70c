/**
 * Snapshots on a compacted Kafka topic of two partitions: manifests in 0, small, read whole; chunks in 1, where a chunk's location is
 * its offset, so that a reader goes straight to its own generation. What is forgotten gets a tombstone, and Kafka clears it away.
 */
import { KafkaRecordReads, type RecordTaker } from './kafka-record-reads.ts'
import { snapshotTopic } from './kafka-settings.ts'
import { KafkaTopic, type KafkaTopicOptions } from './kafka-topic.ts'
import type { ChunkListener, ChunkPlace, SnapshotStore } from './snapshot-store.ts'

const manifestPartition = 0
const chunkPartition = 1
/** A chunk is large, and a snapshot is in no hurry, milliseconds. */
const writeDeadlineMs = 10_000
/** So many tombstones are under way at a time. */
const removalsAtOnce = 8

/** Makes a snapshot store on a Kafka topic. Nothing is connected before `open`. */
export function kafkaSnapshots(options: KafkaTopicOptions): SnapshotStore {
  return new KafkaSnapshotStore(options)
}

class KafkaSnapshotStore implements SnapshotStore {
  readonly #topic: KafkaTopic
  readonly #reads: KafkaRecordReads

  constructor(options: KafkaTopicOptions) {
    this.#topic = new KafkaTopic(options, snapshotTopic)
    this.#reads = new KafkaRecordReads(options, snapshotTopic.partitions)
  }

  async open(): Promise<void> {
    await this.#topic.open()
    this.#reads.prepare() // whoever opens it reads the manifests next
  }

  async writeChunk(key: string, value: Uint8Array): Promise<number> {
    return this.#topic.send(chunkPartition, key, value, writeDeadlineMs)
  }

  async writeManifest(generation: string, value: Uint8Array): Promise<void> {
    await this.#topic.send(manifestPartition, generation, value, writeDeadlineMs)
  }

  async manifests(): Promise<ReadonlyMap<string, Uint8Array>> {
    const { low, high } = await this.#topic.offsets(manifestPartition)
    const manifests = new Map<string, Uint8Array>()
    await this.#read(manifestPartition, low, high, (_, key, value) => {
      if (value === null) manifests.delete(key)
      else manifests.set(key, value)
    })
    return manifests
  }

  async readChunks(chunks: readonly ChunkPlace[], onChunk: ChunkListener): Promise<void> {
    const wanted = new Map(chunks.map(({ key, location }, index) => [location, { key, index }]))
    if (wanted.size === 0) return
    const locations = [...wanted.keys()]
    const first = locations.reduce((least, location) => Math.min(least, location))
    const last = locations.reduce((most, location) => Math.max(most, location))
    const { high } = await this.#topic.offsets(chunkPartition)
    await this.#read(chunkPartition, first, Math.min(last + 1, high), (offset, key, value) => {
      const chunk = wanted.get(offset)
      if (value !== null && chunk?.key === key) return onChunk(chunk.index, value)
    })
  }

  async removeManifest(generation: string): Promise<void> {
    await this.#topic.send(manifestPartition, generation, null, writeDeadlineMs)
  }

  async removeChunks(keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += removalsAtOnce) {
      const some = keys.slice(from, from + removalsAtOnce)
      await Promise.all(some.map((key) => this.#topic.send(chunkPartition, key, null, writeDeadlineMs)))
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#topic.close(), this.#reads.close()])
  }

  /** What a taker throws is passed on as it is: only what fails of Kafka's is a failure of Kafka's. */
  async #read(partition: number, from: number, until: number, take: RecordTaker): Promise<void> {
    let thrown: { error: unknown } | null = null
    try {
      await this.#reads.read(partition, from, until, async (offset, key, value) => {
        try {
          await take(offset, key, value)
        } catch (error) {
          thrown = { error }
          throw error
        }
      })
    } catch (cause) {
      if (thrown) throw (thrown as { error: unknown }).error
      throw this.#topic.unreachable('read the snapshots', cause)
    }
  }
}
