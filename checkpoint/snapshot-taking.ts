/**
 * Takes one snapshot: announces it, copies the state in slices while commits go on, writes the chunks, reads them back, and only then
 * writes the manifest. A shell: the copy itself is in `snapshot-copy.ts`.
 */
import type { FoldState } from './fold.ts'
import { checksum } from './snapshot-chunk.ts'
import { SnapshotCopy } from './snapshot-copy.ts'
import { chunkKey, encodeGeneration, type Manifest } from './snapshot-manifest.ts'
import { chunkBytesMax, type SnapshotStore } from './snapshot-store.ts'
import type { Store } from './store.ts'
import { nextTurn, sleep, type Time } from './time.ts'

export interface TakeOptions {
  readonly snapshots: SnapshotStore
  readonly store: Store
  readonly foldState: () => FoldState
  /** The record before the next one to read. */
  readonly lastValue: () => Uint8Array | null
  /** Resolves when everything that can be seen now is durable and valid. */
  readonly settled: () => Promise<unknown>
  /** Aborted when speculative values may be taken back, or the process ends: the snapshot is abandoned. */
  readonly time: Time
  readonly signal: AbortSignal
  readonly generation: string
  readonly by: string
}

/** One slice of work, milliseconds. The event loop is the service's. */
const sliceMs = 1
/** And so long from the start of one slice to the next: a tenth of the time, for a leader that is alone has clients who wait. */
const paceMs = 10
/** And after a chunk, written or read back: its checksum and its way through kafkajs take two or three milliseconds. */
const chunkPaceMs = 20
/** Chunks under way at a time. */
const inFlightMax = 2
/** The announcement is renewed each time so many chunks were written, or read back. */
const announcedChunks = 64

/**
 * @returns the manifest, when it is durable
 * @throws what the store throws, or the signal's reason: nothing is left behind, as far as the store can be reached
 */
export async function takeSnapshot(options: TakeOptions): Promise<Manifest> {
  const taking = new Taking(options)
  try {
    return await taking.take()
  } catch (error) {
    await taking.takeBack().catch(() => undefined) // what is left is known by its announcement, and another clears it away
    throw error
  }
}

/** Removes what a generation left, in an order after which a crash leaves nothing unknown behind. */
export async function removeGeneration(
  snapshots: SnapshotStore,
  { generation, chunks, by, writtenAtMs }: { generation: string; chunks: number; by: string; writtenAtMs: number },
): Promise<void> {
  const begun = { state: 'begun', generation, chunksBelow: chunks, by, writtenAtMs } as const
  await snapshots.writeManifest(generation, encodeGeneration(begun)) // from here on nobody restores from it
  await snapshots.removeChunks(Array.from({ length: chunks }, (_, index) => chunkKey(generation, index)))
  await snapshots.removeManifest(generation)
}

class Taking {
  readonly #options: TakeOptions
  readonly #chunks: [bytes: number, sum: string, location: number][] = []
  readonly #writing = new Set<Promise<unknown>>()
  #announced = 0
  #announcement: Uint8Array = new Uint8Array()
  #failed: { error: unknown } | null = null

  constructor(options: TakeOptions) {
    this.#options = options
  }

  async take(): Promise<Manifest> {
    const { store, foldState, lastValue, settled, generation, by, time, signal } = this.#options
    await this.#announce(announcedChunks)
    signal.throwIfAborted()
    const start = foldState()
    const before = lastValue()
    if (!before) throw new Error('no record was read yet')
    const recordBefore = checksum(before)
    const maps = store.mapNames().map((name) => ({ name, packed: store.packed(name) }))
    const copy = new SnapshotCopy({ maps, remembered: store.remembered.copy(start.at) })
    await this.#copyAll(copy)
    await settled()
    const end = foldState().offset
    await this.#readBack()
    signal.throwIfAborted()
    const bytes = this.#chunks.reduce((sum, [length]) => sum + length, 0)
    const manifest: Manifest = {
      state: 'complete',
      generation,
      start,
      recordBefore,
      end,
      chunks: this.#chunks,
      keys: copy.keys,
      bytes,
      by,
      writtenAtMs: time.wall(),
    }
    const value = encodeGeneration(manifest)
    if (value.length > chunkBytesMax) throw new Error(`the state has ${bytes} bytes: too many for one manifest`)
    await this.#mustStand()
    await this.#options.snapshots.writeManifest(generation, value)
    return manifest
  }

  async takeBack(): Promise<void> {
    await Promise.allSettled(this.#writing)
    const { snapshots, generation, by, time } = this.#options
    const what = { generation, chunks: this.#announced, by, writtenAtMs: time.wall() }
    if (this.#announced > 0) await removeGeneration(snapshots, what)
  }

  async #announce(moreChunks: number): Promise<void> {
    const { snapshots, generation, by, time } = this.#options
    this.#announced += moreChunks
    const begun = { state: 'begun', generation, chunksBelow: this.#announced, by, writtenAtMs: time.wall() } as const
    this.#announcement = encodeGeneration(begun)
    await snapshots.writeManifest(generation, this.#announcement)
  }

  /** Whoever does not see it grow for long takes it for abandoned: a manifest after that would name chunks that are gone, or soon will be. */
  async #mustStand(): Promise<void> {
    const { snapshots, generation } = this.#options
    const stands = (await snapshots.manifests()).get(generation)
    if (!stands || Buffer.compare(stands, this.#announcement) !== 0)
      throw new Error('it took so long that another process cleared it away')
  }

  async #copyAll(copy: SnapshotCopy): Promise<void> {
    const { time, signal } = this.#options
    while (!copy.done) {
      const beganMs = time.now()
      const chunk = copy.slice(() => time.now() - beganMs < sliceMs)
      if (chunk) await this.#write(chunk)
      await pause(time, chunk ? chunkPaceMs : paceMs - (time.now() - beganMs))
      signal.throwIfAborted()
      if (this.#failed) throw this.#failed.error
    }
    await Promise.all(this.#writing)
    if (this.#failed) throw this.#failed.error
  }

  async #write(chunk: Buffer): Promise<void> {
    const index = this.#chunks.length
    if (index === this.#announced) await this.#announce(announcedChunks)
    while (this.#writing.size >= inFlightMax) await Promise.race(this.#writing)
    const place: [number, string, number] = [chunk.length, checksum(chunk), -1]
    this.#chunks.push(place)
    const { snapshots, generation } = this.#options
    const writing = snapshots.writeChunk(chunkKey(generation, index), chunk).then(
      (location) => {
        place[2] = location
      },
      (error: unknown) => {
        this.#failed ??= { error }
      },
    )
    const done = writing.finally(() => this.#writing.delete(done))
    this.#writing.add(done)
  }

  /** The journal is truncated on the strength of this snapshot, so what the store says it wrote is not enough. */
  async #readBack(): Promise<void> {
    const { snapshots, generation, time, signal } = this.#options
    let read = 0
    const places = this.#chunks.map(([, , location], index) => ({ key: chunkKey(generation, index), location }))
    await snapshots.readChunks(places, async (index, value) => {
      signal.throwIfAborted()
      // A reader gets them as they stand, and what is remembered must be read as it was copied.
      if (index !== read) throw new Error(`chunk ${read} is not there, or not in its place`)
      const [bytes, sum] = this.#chunks[index]!
      if (value.length !== bytes || checksum(value) !== sum)
        throw new Error(`chunk ${index} reads back other than it was written`)
      if (++read % announcedChunks === 0) await this.#announce(0)
      await pause(time, chunkPaceMs)
    })
    if (read !== places.length) throw new Error(`only ${read} of ${places.length} chunks read back`)
  }
}

function pause(time: Time, ms: number): Promise<void> {
  return ms >= 1 ? sleep(time, ms) : nextTurn(time)
}
