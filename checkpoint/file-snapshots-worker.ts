/** The thread in which a {@link SnapshotsFile} lives. Started by `file-snapshots.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { busyTimeoutMs, FileHost, monotonicMs, patienceMs } from './file-host.ts'
import { SnapshotsFile } from './snapshots-file.ts'

/** What a thread of this kind is started with. */
export interface SnapshotsThreadData {
  readonly path: string
}

/** What is asked of it; each is answered once. */
export type SnapshotsCall =
  | { readonly kind: 'open' | 'manifests' | 'close' }
  | { readonly kind: 'writeChunk'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'writeManifest'; readonly generation: string; readonly value: Uint8Array }
  | { readonly kind: 'readChunk'; readonly key: string; readonly location: number }
  | { readonly kind: 'removeManifest'; readonly generation: string }
  | { readonly kind: 'removeChunks'; readonly keys: readonly string[] }

const doing = {
  open: 'open',
  manifests: 'read',
  readChunk: 'read',
  close: 'close',
  writeChunk: 'write to',
  writeManifest: 'write to',
  removeManifest: 'write to',
  removeChunks: 'write to',
} as const

const port = parentPort!
const { path } = workerData as SnapshotsThreadData
const host = new FileHost({ path, open: (create) => new SnapshotsFile({ path, busyTimeoutMs, create }) })

port.on('message', async ({ id, call }: { id: number; call: SnapshotsCall }) => {
  try {
    port.postMessage({ id, answer: await carryOut(call) })
  } catch (error) {
    const { code, message } = host.failureOf(error, doing[call.kind])
    port.postMessage({ id, code, message })
  }
})

function carryOut(call: SnapshotsCall): unknown {
  if (call.kind === 'close') return host.close()
  if (call.kind === 'removeChunks') return removeChunks(call.keys)
  return host.run(monotonicMs() + patienceMs, (file) => {
    switch (call.kind) {
      case 'open':
        return undefined
      case 'manifests':
        return file.manifests()
      case 'writeChunk':
        return file.writeChunk(call.key, call.value)
      case 'writeManifest':
        return file.writeManifest(call.generation, call.value)
      case 'readChunk':
        return file.readChunk(call.key, call.location)
      case 'removeManifest':
        return file.removeManifest(call.generation)
    }
  })
}

async function removeChunks(keys: readonly string[]): Promise<void> {
  for (let remaining = keys; remaining.length > 0; ) {
    const some = remaining
    remaining = host.run(monotonicMs() + patienceMs, (file) => file.removeChunks(some))
    await new Promise((resolve) => setImmediate(resolve)) // other calls go between
  }
}
