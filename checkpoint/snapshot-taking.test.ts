import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from './checkpoint.ts'
import { emptyFold } from './fold.ts'
import { MemorySnapshots, memorySnapshots } from './memory-snapshots.ts'
import { complete, decodeGeneration, decodeGenerations } from './snapshot-manifest.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { removeGeneration, takeSnapshot } from './snapshot-taking.ts'
import { Store } from './store.ts'
import { realTime } from './time.ts'

/** A state of so many chunks of one large value each, and one more. */
function stateOf(chunks: number): Store {
  const store = new Store(defaultLimits)
  const text = JSON.stringify('x'.repeat(600_000))
  for (let index = 0; index < chunks; index++) store.packed('m').put(`k${index}`, text)
  return store
}

function taking(snapshots: SnapshotStore, store: Store) {
  return takeSnapshot({
    ...{ snapshots, store, generation: 'g', by: 'a', time: realTime },
    foldState: () => ({ ...emptyFold, offset: 5 }),
    lastValue: () => Uint8Array.of(1),
    settled: async () => undefined,
    signal: new AbortController().signal,
  })
}

test('a snapshot that another process took for abandoned and cleared away is not said to be complete', async () => {
  const stored = new MemorySnapshots()
  const another = memorySnapshots(stored)
  const snapshots = memorySnapshots(stored)
  const readChunks = snapshots.readChunks.bind(snapshots)
  snapshots.readChunks = async (chunks, onChunk) => {
    await readChunks(chunks, onChunk)
    await removeGeneration(another, { generation: 'g', chunks: 64, by: 'b', writtenAtMs: 0 }) // this process was suspended here
  }
  await assert.rejects(taking(snapshots, stateOf(2)), /cleared it away/)
  assert.deepEqual([complete(decodeGenerations(stored.manifests)).length, stored.chunks.size], [0, 0])
})

test('a snapshot is seen to grow while its chunks are read back, too', async () => {
  const stored = new MemorySnapshots()
  const snapshots = memorySnapshots(stored)
  const seen = new Set<number>()
  const readChunks = snapshots.readChunks.bind(snapshots)
  snapshots.readChunks = (chunks, onChunk) =>
    readChunks(chunks, async (index, value) => {
      const found = decodeGeneration('g', stored.manifests.get('g')!)
      assert.ok(found.state === 'begun')
      seen.add(found.writtenAtMs)
      await onChunk(index, value)
    })
  const manifest = await taking(snapshots, stateOf(70))
  assert.equal(manifest.chunks.length, 71)
  assert.ok(seen.size > 1)
})

test('chunks that stand in another order than they were written make no snapshot: what is remembered must be read in order', async () => {
  const snapshots = memorySnapshots()
  const readChunks = snapshots.readChunks.bind(snapshots)
  snapshots.readChunks = async (chunks, onChunk) => {
    const last = chunks.length - 1
    await readChunks(chunks.toReversed(), (index, value) => onChunk(last - index, value))
  }
  await assert.rejects(taking(snapshots, stateOf(2)), /chunk 0 .* place/)
})
