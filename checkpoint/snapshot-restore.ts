/**
 * Restores a store from the newest sound snapshot that fits the journal. A shell: which ones may be tried is decided in
 * `snapshot-manifest.ts`. What is damaged is passed over, and said; what cannot be reached is no reason to pass over anything.
 */
import { CheckpointError } from './errors.ts'
import { ChunkReader, checksum } from './snapshot-chunk.ts'
import {
  chunkKey,
  decodeGenerations,
  type Generation,
  type Manifest,
  nothingCovers,
  restoreChoice,
  type Unused,
} from './snapshot-manifest.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import type { Store } from './store.ts'
import { nextTurn, type Time } from './time.ts'

export interface RestoreOptions {
  readonly snapshots: SnapshotStore
  /** Empty. Left empty if there is nothing to restore from. */
  readonly store: Store
  readonly journalStart: number
  readonly askJournalEnd: () => Promise<number>
  readonly time: Time
  readonly signal: AbortSignal
  /** A snapshot is about to be read: reading the journal from its start may begin. Called again if it turns out damaged. */
  readonly trying: (manifest: Manifest) => void
  /** Bytes read so far of the snapshot that is being tried. */
  readonly progressed: (manifest: Manifest, bytes: number) => void
}

export interface Restored {
  /** Null: nothing to restore from, and the journal begins at its beginning. */
  readonly manifest: Manifest | null
  readonly generations: readonly Generation[]
  readonly unused: readonly Unused[]
  /** Generations whose manifest is fine and whose chunks are not. */
  readonly unsound: readonly string[]
}

/** The event loop gets back after so long, milliseconds: heartbeats go on. */
const sliceMs = 4
const itemsPerLook = 128

/**
 * @throws CheckpointError HISTORY_LOST if the journal's beginning is gone and no sound snapshot covers it, or the journal is shorter than
 * what a snapshot saw; JOURNAL_UNREACHABLE, STOPPED: nothing is known
 */
export async function restoreNewest(options: RestoreOptions): Promise<Restored> {
  const { snapshots, store, journalStart, askJournalEnd, trying } = options
  const damaged = new Map<string, Unused>()
  for (;;) {
    const generations = decodeGenerations(await snapshots.manifests())
    // Asked for after the list was made: what a snapshot in it saw stood in the journal by then.
    const choice = restoreChoice(generations, { journalStart, journalEnd: await askJournalEnd() })
    const unused = [...damaged.values(), ...choice.unused.filter(({ generation }) => !damaged.has(generation))]
    const unsound = [...damaged.keys()]
    const manifest = choice.candidates.find(({ generation }) => !damaged.has(generation)) ?? null
    if (!manifest && journalStart > 0) throw nothingCovers(journalStart, unused)
    if (!manifest) return { manifest, generations, unused, unsound }
    trying(manifest)
    const why = await load(options, manifest)
    if (why === null) return { manifest, generations, unused, unsound }
    store.clear()
    damaged.set(manifest.generation, { generation: manifest.generation, why }) // or removed since, for newer ones: the list tells
  }
}

/** Loads a snapshot; null, or why it is not sound. */
async function load(options: RestoreOptions, manifest: Manifest): Promise<string | null> {
  const { snapshots, store, progressed } = options
  const missing = new Set(manifest.chunks.keys())
  let bytes = 0
  const places = manifest.chunks.map(([, , location], index) => ({
    key: chunkKey(manifest.generation, index),
    location,
  }))
  try {
    await snapshots.readChunks(places, async (index, chunk) => {
      if (!missing.has(index)) return
      await loadChunk(options, manifest, index, chunk)
      missing.delete(index)
      bytes += chunk.length
      progressed(manifest, bytes)
    })
  } catch (error) {
    if (error instanceof Unsound) return error.message
    throw error
  }
  const [first] = missing
  if (first !== undefined)
    return `${missing.size} of its ${manifest.chunks.length} chunks are missing, the first is ${first}`
  const keys = store.mapNames().reduce((sum, name) => sum + store.packed(name).size, 0)
  return keys === manifest.keys ? null : `it has ${keys} keys, and its manifest says ${manifest.keys}`
}

async function loadChunk(
  { store, time, signal }: RestoreOptions,
  manifest: Manifest,
  index: number,
  chunk: Uint8Array,
) {
  const [bytes, sum] = manifest.chunks[index]!
  if (chunk.length !== bytes)
    throw new Unsound(`chunk ${index} has ${chunk.length} bytes, and its manifest says ${bytes}`)
  if (checksum(chunk) !== sum) throw new Unsound(`the checksum of chunk ${index} does not fit`)
  try {
    const target = {
      map: (name: string) => store.packed(name),
      remember: (item: string) => store.remembered.load(item),
    }
    const reader = new ChunkReader(chunk, target)
    let sliceEndMs = time.now() + sliceMs
    while (reader.left > 0) {
      reader.next(itemsPerLook)
      if (time.now() < sliceEndMs) continue
      await nextTurn(time)
      signal.throwIfAborted()
      sliceEndMs = time.now() + sliceMs
    }
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause
    throw new Unsound(`chunk ${index} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

class Unsound extends Error {}
