import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { promisify } from 'node:util'
import pino from 'pino'
import { CheckpointError, type CheckpointErrorCode } from './errors.ts'
import { fileJournal } from './file-journal.ts'
import type { JournalCall, JournalNews, JournalNote, JournalServantData } from './file-journal-worker.ts'
import { FileServant } from './file-servant.ts'
import { testDirectory } from './test-directory.ts'

const run = promisify(execFile)
const deadlineMs = 10_000

type Kind = 'thread' | 'process'

function servant(kind: Kind, path: string, data: JournalServantData | null, onStart: () => void = () => undefined) {
  const name = 'file-journal-worker'
  return new FileServant<JournalCall, JournalNote, JournalNews>({
    kind,
    name,
    data,
    path,
    onNews: () => undefined,
    onStart,
  })
}

function fails(promise: Promise<unknown>, code: CheckpointErrorCode, message: RegExp): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof CheckpointError, String(error))
    assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message)
    return true
  })
}

test('one that dies fails who waits, and the next call has a new one', async (t) => {
  for (const kind of ['thread', 'process'] as const) {
    let started = 0
    const path = join((await testDirectory(t)).path, 't.sqlite')
    const dying = servant(kind, path, { path, bytesMax: undefined }, () => started++)
    const breaking = null as unknown as JournalNote
    for (let times = 0; times < 2; times++) dying.tell(breaking) // the first one only begins it
    await fails(
      dying.call({ kind: 'bounds' }, deadlineMs),
      'JOURNAL_UNREACHABLE',
      new RegExp(`the ${kind} of .* ended: `),
    )
    assert.equal(started, 1)
    await dying.call({ kind: 'bounds' }, deadlineMs)
    assert.equal(started, 2)
    const stopped = new CheckpointError('STOPPED', 'closed')
    await dying.close({ kind: 'close' }, stopped)
    await fails(dying.call({ kind: 'bounds' }, deadlineMs), 'STOPPED', /closed/)
  }
})

test('a disk that does not answer gathers no more than so many calls, and closing waits for none of them', async (t) => {
  const directory = await testDirectory(t)
  const path = join(directory.path, 't.sqlite')
  const held = servant('process', path, { path, bytesMax: undefined })
  await held.call({ kind: 'open' }, deadlineMs)
  const other = directory.keep(new DatabaseSync(path))
  other.exec('BEGIN IMMEDIATE')
  const expiresAtMs = Number(process.hrtime.bigint()) / 1e6 + 3_000
  const append = () => held.call({ kind: 'append', value: Uint8Array.of(1), expiresAtMs }, deadlineMs)
  const waiting = Array.from({ length: 64 }, append)
  const outcomes = Promise.allSettled(waiting)
  await fails(append(), 'JOURNAL_UNREACHABLE', /does not answer/)
  const begunAtMs = performance.now()
  await held.close({ kind: 'close' }, new CheckpointError('STOPPED', 'closed'))
  for (const outcome of await outcomes) assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'STOPPED')
  assert.ok(performance.now() - begunAtMs < 8_000)
})

test('what was given up before it was begun is never begun', async (t) => {
  const directory = await testDirectory(t)
  const journal = directory.keep(fileJournal({ directory: directory.path, topic: 't', log: pino({ level: 'silent' }) }))
  await journal.open()
  const other = directory.keep(new DatabaseSync(join(directory.path, 't.sqlite')))
  other.exec('BEGIN IMMEDIATE')
  const first = journal.append(Uint8Array.of(1), deadlineMs)
  await fails(journal.append(Uint8Array.of(2), 100), 'JOURNAL_UNREACHABLE', /did not answer within 100 ms/)
  other.exec('ROLLBACK')
  assert.equal(await first, 0)
  assert.equal(await journal.append(Uint8Array.of(3), deadlineMs), 1)
})

test('a program that waits for its journal to close goes on after it', async (t) => {
  const { path } = await testDirectory(t)
  const program = `
    const { journalPorts } = await import('${import.meta.dirname}/open-journal.ts')
    const { journal, snapshots } = journalPorts({ kafka: ['file:${path}'], topic: 't' })
    for (const port of [journal, snapshots]) await port.open()
    for (const port of [journal, snapshots]) await port.close()
    console.log('closed')
  `
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program])
  assert.deepEqual([stdout, stderr], ['closed\n', ''])
})
