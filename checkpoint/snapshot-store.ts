/**
 * The port to where snapshots are kept: small manifests under the name of their generation, and large chunks under keys of their own.
 * Adapters: Kafka (`kafka-snapshots.ts`), a file (`file-snapshots.ts`), memory (`memory-snapshots.ts`). One conformance suite (`snapshot-store-conformance.ts`) holds all.
 *
 * A store knows nothing of what it keeps, and promises little: what is read back is checked against the manifest by who reads. Several
 * processes use one store at the same time, without asking each other: keys of different generations never meet.
 */

/** Where a chunk is: its key, and where its write said that it stands. */
export interface ChunkPlace {
  readonly key: string
  /** What `writeChunk` resolved with. The adapter's own, a safe integer from 0: it finds the chunk without searching. */
  readonly location: number
}

/** Takes a chunk that was found: its index in the list asked for, and its bytes, which the listener may keep. */
export type ChunkListener = (index: number, value: Uint8Array) => void | Promise<void>

/**
 * What every adapter offers. Each call settles within a deadline of the adapter's: none waits for ever for a store that is gone. A
 * rejection is a `CheckpointError`: JOURNAL_UNREACHABLE or JOURNAL_FULL (may be tried again), JOURNAL_UNSAFE or JOURNAL_UNUSABLE (`open`
 * only), JOURNAL_UNREADABLE or HISTORY_LOST (a file that is damaged or gone), STOPPED (closed).
 */
export interface SnapshotStore {
  /** Connects, creates what is missing and checks its settings. */
  open(): Promise<void>
  /**
   * Writes one chunk, of at most {@link chunkBytesMax} bytes; resolves with its location when it is durable. Up to three may be under way at a
   * time. After a rejection the chunk may be there or not; never retried by itself. A key is written once.
   */
  writeChunk(key: string, value: Uint8Array): Promise<number>
  /** Writes a manifest, or replaces the one of that generation; resolves when it is durable. After a rejection the old or the new one is there. */
  writeManifest(generation: string, value: Uint8Array): Promise<void>
  /**
   * All manifests that are there, by generation, the last written value of each; what any process's `writeManifest` or `remove` had
   * resolved before the call is seen.
   */
  manifests(): Promise<ReadonlyMap<string, Uint8Array>>
  /**
   * Reads chunks, in the order in which they were asked for if that is the order in which they were written. One at a time: the next is
   * delivered when the listener's promise has resolved. A chunk that is not there, or whose location holds another key, is left out. A chunk's
   * bytes are delivered as they are found: whether they are right is the caller's to judge.
   * Rejects with what the listener throws, which ends the read.
   */
  readChunks(chunks: readonly ChunkPlace[], onChunk: ChunkListener): Promise<void>
  /** Forgets a manifest. Nothing happens if it is not there. */
  removeManifest(generation: string): Promise<void>
  /** Forgets chunks, now or some time later: until then they may still be delivered. Those that are not there are passed over. */
  removeChunks(keys: readonly string[]): Promise<void>
  /** Releases everything. What is under way is rejected. */
  close(): Promise<void>
}

/** Most bytes of one chunk: below Kafka's default `max.message.bytes` of 1,048,588, with room for the envelope. */
export const chunkBytesMax = 900_000
