import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileSnapshots } from './file-snapshots.ts'
import { snapshotStoreConformance } from './snapshot-store-conformance.ts'

snapshotStoreConformance('file', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-snapshots-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return async () => {
    const store = fileSnapshots({ directory, topic: 'conformance' })
    t.after(() => store.close())
    await store.open()
    return store
  }
})
