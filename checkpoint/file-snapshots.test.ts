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
