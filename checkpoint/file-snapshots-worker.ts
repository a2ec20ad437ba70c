/** The thread in which a {@link SnapshotsFile} lives. Started by `file-snapshots.ts`. */
import { busyTimeoutMs, FileHost, monotonicMs, patienceMs } from './file-host.ts'
import { servantData, servantPort } from './servant-port.ts'
import { SnapshotsFile } from './snapshots-file.ts'

/** What a servant of this kind is started with. */
export interface SnapshotsServantData {
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

const port = servantPort<{ id: number; call: SnapshotsCall }, object>()
const { path } = servantData<SnapshotsServantData>()
const host = new FileHost({ path, open: (create) => new SnapshotsFile({ path, busyTimeoutMs, create }) })

port.onMessage(async ({ id, call }) => {
  try {
    port.post({ id, answer: await carryOut(call) })
  } catch (error) {
    const { code, message } = host.failureOf(error, doing[call.kind])
    port.post({ id, code, message })
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
