/** Where a {@link JournalFile} lives, so that no write and no fsync holds an event loop up: a process of its own. Started by `file-journal.ts`. */
import type { CheckpointErrorCode } from './errors.ts'
import { busyTimeoutMs, FileHost, monotonicMs, patienceMs } from './file-host.ts'
import { JournalFile, type RecordBatch } from './journal-file.ts'
import { servantData, servantPort } from './servant-port.ts'
import { WakeFile } from './wake-file.ts'

/** What a servant of this kind is started with. */
export interface JournalServantData {
  readonly path: string
  readonly bytesMax: number | undefined
}

/** What is asked of it; each is answered once. `expiresAtMs` is in time of `process.hrtime`. */
export type JournalCall =
  | { readonly kind: 'open' }
  | { readonly kind: 'append'; readonly value: Uint8Array; readonly expiresAtMs: number }
  | { readonly kind: 'bounds' }
  | { readonly kind: 'truncate'; readonly before: number }
  | { readonly kind: 'close' }

/** What it is told, without an answer: where to read from (`generation` counts up), and that a batch of records was taken. */
export type JournalNote =
  | { readonly kind: 'tail'; readonly from: number; readonly generation: number }
  | { readonly kind: 'taken'; readonly generation: number }

/** What it says unasked. */
export type JournalNews =
  | { readonly kind: 'records'; readonly generation: number; readonly batch: RecordBatch }
  | { readonly kind: 'trouble'; readonly message: string }

export type ToJournalServant = { readonly id: number; readonly call: JournalCall } | { readonly note: JournalNote }
export type FromJournalServant =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly code: CheckpointErrorCode; readonly message: string }
  | { readonly news: JournalNews }

/** How often it is looked for records that nobody told of, milliseconds: with a watch that works, and without. */
const pollMs = { watching: 100, blind: 5 }
/** Batches under way to the reader: one being worked on, one waiting. */
const batchesMax = 2
const doing = { open: 'open', append: 'append to', bounds: 'read', truncate: 'truncate', close: 'close' } as const

const port = servantPort<ToJournalServant, FromJournalServant>()
const { path, bytesMax } = servantData<JournalServantData>()
const host = new FileHost({ path, open: (create) => new JournalFile({ path, busyTimeoutMs, bytesMax, create }) })
const wake = new WakeFile(`${path}.wake`, pump)
let reading: { generation: number; next: number; underWay: number } | null = null

port.onMessage((message) => {
  if ('note' in message) take(message.note)
  else void answer(message.id, message.call)
})
poll()

async function answer(id: number, call: JournalCall): Promise<void> {
  try {
    say({ id, answer: await carryOut(call) })
    if (call.kind !== 'append') return
    wake.wakeOthers()
    pump()
  } catch (error) {
    const { code, message } = host.failureOf(error, doing[call.kind])
    say({ id, code, message })
  }
}

function carryOut(call: JournalCall): unknown {
  switch (call.kind) {
    case 'open':
    case 'bounds':
      return host.run(monotonicMs() + patienceMs, (file) => file.bounds())
    case 'append':
      return host.run(call.expiresAtMs, (file) => file.append(call.value))
    case 'truncate':
      return truncate(call.before)
    case 'close':
      wake.close()
      return host.close()
  }
}

async function truncate(before: number): Promise<void> {
  while (host.run(monotonicMs() + patienceMs, (file) => file.truncate(before)))
    await new Promise((resolve) => setImmediate(resolve)) // appends go between
}

function take(note: JournalNote): void {
  if (note.kind === 'tail') reading = { generation: note.generation, next: note.from, underWay: 0 }
  else if (reading?.generation === note.generation) reading.underWay--
  pump()
}

/** Sends what there is to read, as far as the reader has room for it. */
function pump(): void {
  if (host.closed || host.damaged) return
  try {
    while (reading && reading.underWay < batchesMax) {
      const { next, generation } = reading
      const batch = host.run(monotonicMs() + patienceMs, (file) => file.read(next))
      if (!batch) break
      reading.next = batch.first + batch.lengths.length
      reading.underWay++
      const message: FromJournalServant = { news: { kind: 'records', generation, batch } }
      port.post(message, [batch.bytes.buffer, batch.lengths.buffer])
    }
    host.file?.moveWal()
  } catch (error) {
    say({ news: { kind: 'trouble', message: host.failureOf(error, 'read').message } })
  }
}

function poll(): void {
  if (host.closed) return
  if (reading) {
    wake.watch()
    pump()
  }
  setTimeout(poll, wake.watching ? pollMs.watching : pollMs.blind)
}

function say(message: FromJournalServant): void {
  port.post(message)
}
