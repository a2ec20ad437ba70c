import { MemorySnapshots, memorySnapshots } from './memory-snapshots.ts'
import { snapshotStoreConformance } from './snapshot-store-conformance.ts'

snapshotStoreConformance('memory', async (t) => {
  const shared = new MemorySnapshots()
  return async () => {
    const store = memorySnapshots(shared)
    t.after(() => store.close())
    await store.open()
    return store
  }
})
