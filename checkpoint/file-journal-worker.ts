/** The thread in which a {@link JournalFile} lives, so that no write and no fsync holds an event loop up. Started by `file-journal.ts`. */
import { statfsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { CheckpointError, type CheckpointErrorCode } from './errors.ts'
import { fileError, isBusy } from './file-failure.ts'
import { JournalFile, type RecordBatch } from './journal-file.ts'
import { directoryOf } from './sqlite-file.ts'
import { WakeFile } from './wake-file.ts'

/** What a thread of this kind is started with. */
export interface JournalThreadData {
  readonly path: string
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

export type ToJournalThread = { readonly id: number; readonly call: JournalCall } | { readonly note: JournalNote }
export type FromJournalThread =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly code: CheckpointErrorCode; readonly message: string }
  | { readonly news: JournalNews }

/** SQLite's own wait for a lock, which holds this thread; beyond it the call is tried again, for as long as it may take. */
const busyTimeoutMs = 100
/** How often it is looked for records that nobody told of, milliseconds: with a watch that works, and without. */
const pollMs = { watching: 100, blind: 5 }
/** Batches under way to the reader: one being worked on, one waiting. */
const batchesMax = 2
const walBytes = { readBytes: 8 * 1024 * 1024, writtenBytes: 16 * 1024 * 1024 }
const doing = { open: 'open', append: 'append to', bounds: 'read', truncate: 'truncate', close: 'close' } as const
/** How long a call without a deadline of its own waits for locks, milliseconds. */
const patienceMs = 4_000

const port = parentPort!
const { path } = workerData as JournalThreadData
const directory = directoryOf(path)
const wake = new WakeFile(`${path}.wake`, pump)
let file: JournalFile | null = null
let identity: string | null = null
let reading: { generation: number; next: number; underWay: number } | null = null
/** Once the file is known to be damaged, or gone, it is left alone, and everybody who asks is told. */
let damage: CheckpointError | null = null
let closed = false

port.on('message', (message: ToJournalThread) => {
  if ('note' in message) take(message.note)
  else void answer(message.id, message.call)
})
poll()

async function answer(id: number, call: JournalCall): Promise<void> {
  try {
    say({ id, answer: await carryOut(call) })
  } catch (error) {
    const { code, message } = failureOf(error, doing[call.kind])
    say({ id, code, message })
  }
  if (call.kind === 'append') {
    wake.wakeOthers()
    pump()
  }
}

function carryOut(call: JournalCall): unknown {
  switch (call.kind) {
    case 'open':
      return patiently(monotonicMs() + patienceMs, () => void use().bounds())
    case 'append':
      return patiently(call.expiresAtMs, () => use().append(call.value))
    case 'bounds':
      return patiently(monotonicMs() + patienceMs, () => use().bounds())
    case 'truncate':
      return truncate(call.before)
    case 'close':
      closed = true
      wake.close()
      file?.close()
      file = null
      return undefined
  }
}

async function truncate(before: number): Promise<void> {
  while (patiently(monotonicMs() + patienceMs, () => use().truncate(before)))
    await new Promise((resolve) => setImmediate(resolve)) // appends go between
}

/** Waits for other processes' locks. What failed otherwise may have left the connection in doubt: the next call gets a fresh one. */
function patiently<R>(deadlineMs: number, work: () => R): R {
  if (monotonicMs() >= deadlineMs)
    throw new CheckpointError('JOURNAL_UNREACHABLE', `the disk under ${path} is too slow: not begun in time`)
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (isBusy(error) && monotonicMs() < deadlineMs) continue
      if (!isBusy(error)) reopen()
      throw error
    }
  }
}

function use(): JournalFile {
  if (closed) throw new CheckpointError('STOPPED', 'the journal was closed')
  if (damage) throw damage
  file ??= new JournalFile(path, busyTimeoutMs, identity)
  identity = file.identity
  return file
}

function reopen(): void {
  try {
    file?.close()
  } finally {
    file = null
  }
}

function take(note: JournalNote): void {
  if (note.kind === 'tail') reading = { generation: note.generation, next: note.from, underWay: 0 }
  else if (reading && reading.generation === note.generation) reading.underWay--
  pump()
}

/** Sends what there is to read, as far as the reader has room for it. */
function pump(): void {
  try {
    while (reading && reading.underWay < batchesMax && !closed && !damage) {
      const { next } = reading
      const batch = patiently(monotonicMs() + patienceMs, () => use().read(next))
      if (!batch) break
      reading.next = batch.first + batch.lengths.length
      reading.underWay++
      const news: JournalNews = { kind: 'records', generation: reading.generation, batch }
      port.postMessage({ news } satisfies FromJournalThread, [batch.bytes.buffer, batch.lengths.buffer])
    }
    file?.moveWal(walBytes)
  } catch (error) {
    say({ news: { kind: 'trouble', message: failureOf(error, 'read').message } })
  }
}

function poll(): void {
  if (closed) return
  if (reading) {
    wake.watch()
    pump()
  }
  setTimeout(poll, wake.watching ? pollMs.watching : pollMs.blind)
}

function failureOf(error: unknown, doing: string): CheckpointError {
  const failure = fileError({ error, directory, path, doing, freeBytes: freeBytes() })
  if (failure.code === 'JOURNAL_UNREADABLE' || failure.code === 'HISTORY_LOST') damage ??= failure
  return failure
}

function freeBytes(): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return undefined
  }
}

function say(message: FromJournalThread): void {
  port.postMessage(message)
}

/** One clock for all threads of a process. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
