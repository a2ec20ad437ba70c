import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileSnapshots } from './file-snapshots.ts'
import { snapshotStoreConformance } from './snapshot-store-conformance.ts'
import { testDirectory } from './test-directory.ts'

snapshotStoreConformance('file', async (t) => {
  const directory = await testDirectory(t)
  return async () => {
    const store = directory.keep(fileSnapshots({ directory: directory.path, topic: 'conformance' }))
    await store.open()
    return store
  }
})

test('a place that was given to another chunk is as good as empty', async (t) => {
  const directory = await testDirectory(t)
  const store = directory.keep(fileSnapshots({ directory: directory.path, topic: 't' }))
  await store.open()
  const location = await store.writeChunk('old', Uint8Array.of(1))
  await store.removeChunks(['old'])
  assert.equal(await store.writeChunk('new', Uint8Array.of(2)), location)
  const found: number[] = []
  const places = ['old', 'new'].map((key) => ({ key, location }))
  await store.readChunks(places, (index) => void found.push(index))
  assert.deepEqual(found, [1])
})
