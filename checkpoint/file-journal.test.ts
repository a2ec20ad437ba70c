import assert from 'node:assert/strict'
import { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import pino from 'pino'
import { Checkpoint } from './checkpoint.ts'
import { CheckpointError, type CheckpointErrorCode } from './errors.ts'
import { fileJournal } from './file-journal.ts'
import type { Journal, JournalRecord } from './journal.ts'
import { journalConformance } from './journal-conformance.ts'
import { type TestDirectory, testDirectory } from './test-directory.ts'

const log = pino({ level: 'silent' })
const deadlineMs = 10_000
const topic = 'journal'
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array) => new TextDecoder().decode(value)

async function openIn(directory: TestDirectory, path = directory.path): Promise<Journal> {
  const journal = directory.keep(fileJournal({ directory: path, topic, log }))
  await journal.open()
  return journal
}

function fails(promise: Promise<unknown>, code: CheckpointErrorCode, message: RegExp): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof CheckpointError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  })
}

/** Reads `count` records from `from` on. */
async function read(journal: Journal, from: number, count: number): Promise<JournalRecord[]> {
  const records: JournalRecord[] = []
  const all = Promise.withResolvers<void>()
  const tail = await journal.tail(from, (batch) => {
    records.push(...batch)
    if (records.length >= count) all.resolve()
  })
  await all.promise
  await tail.close()
  return records
}

journalConformance('file', async (t) => {
  const directory = await testDirectory(t)
  return () => openIn(directory)
})

test('only the owner may read what is kept', async (t) => {
  const above = await testDirectory(t)
  const directory = join(above.path, 'made')
  const journal = await openIn(above, directory)
  for (const record of ['a', 'b']) await journal.append(bytes(record), deadlineMs)
  assert.equal((await stat(directory)).mode & 0o777, 0o700)
  const files = await readdir(directory)
  assert.deepEqual(files.sort(), ['', '-shm', '-wal', '.wake'].map((suffix) => `${topic}.sqlite${suffix}`).sort())
  for (const file of files) assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600, file)
})

test('what was appended is there after everything was closed, and no offset is given twice, though all was truncated', async (t) => {
  const directory = await testDirectory(t)
  const first = await openIn(directory)
  for (const record of ['a', 'b', 'c']) await first.append(bytes(record), deadlineMs)
  await first.close()
  const second = await openIn(directory)
  assert.deepEqual(
    (await read(second, 1, 2)).map(({ offset, value }) => `${offset}${text(value)}`),
    ['1b', '2c'],
  )
  await second.truncate(99)
  assert.deepEqual([await second.start(), await second.end()], [3, 3])
  await second.close()
  const third = await openIn(directory)
  assert.deepEqual([await third.start(), await third.end()], [3, 3])
  assert.equal(await third.append(bytes('d'), deadlineMs), 3)
  assert.deepEqual(
    (await read(third, 0, 1)).map(({ offset, value }) => `${offset}${text(value)}`),
    ['3d'],
  )
})

test('a record reaches another reader because it is told, not because it looks', async (t) => {
  const directory = await testDirectory(t)
  const [writer, reader] = [await openIn(directory), await openIn(directory)]
  let came = () => {}
  await reader.tail(0, () => came())
  const tookMs: number[] = []
  for (let turn = 0; turn < 15; turn++) {
    const arrived = new Promise<void>((resolve) => {
      came = resolve
    })
    const begunAtMs = performance.now()
    await writer.append(bytes(`${turn}`), deadlineMs)
    await arrived
    tookMs.push(performance.now() - begunAtMs)
  }
  const median = tookMs.sort((left, right) => left - right)[7]!
  assert.ok(median < 30, `${median} ms, where a look is taken every 100 ms`)
})

test('a reader that nobody tells still finds what is new', async (t) => {
  const directory = await testDirectory(t)
  const [writer, reader] = [await openIn(directory), await openIn(directory)]
  const all = read(reader, 0, 2)
  await writer.append(bytes('a'), deadlineMs)
  await rm(join(directory.path, `${topic}.sqlite.wake`), { force: true })
  await writer.append(bytes('b'), deadlineMs)
  assert.equal((await all).length, 2)
})

test('another process that holds the file costs an append its deadline, and nobody the event loop', async (t) => {
  const directory = await testDirectory(t)
  const journal = await openIn(directory)
  const other = new DatabaseSync(join(directory.path, `${topic}.sqlite`))
  other.exec('BEGIN IMMEDIATE')
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const begunAtMs = performance.now()
  await fails(journal.append(bytes('late'), 600), 'JOURNAL_UNREACHABLE', /did not answer within 600 ms|another process/)
  assert.ok(performance.now() - begunAtMs < 5_000)
  assert.ok(delay.max / 1e6 < 400, `the event loop was held for ${delay.max / 1e6} ms`)
  other.exec('ROLLBACK')
  other.close()
  assert.ok((await journal.append(bytes('next'), deadlineMs)) <= 1, 'what was late may have landed, and nothing else')
})

test('a file that is removed or replaced under its users is noticed by all, and never made anew', async (t) => {
  const directory = await testDirectory(t)
  const [removed, replaced] = [await openIn(directory), await openIn(directory)]
  await removed.append(bytes('a'), deadlineMs)
  const path = join(directory.path, `${topic}.sqlite`)
  await rename(path, `${path}.away`)
  await fails(removed.append(bytes('b'), deadlineMs), 'HISTORY_LOST', /was removed or replaced while it was in use/)
  await fails(removed.append(bytes('c'), deadlineMs), 'HISTORY_LOST', /removed or replaced/)
  await fails(removed.end(), 'HISTORY_LOST', /removed or replaced/)
  await assert.rejects(stat(path), { code: 'ENOENT' })
  for (const suffix of ['-wal', '-shm']) await rm(`${path}${suffix}`)
  await openIn(directory)
  await fails(replaced.append(bytes('b'), deadlineMs), 'HISTORY_LOST', /removed or replaced/)
})

test('a damaged record stops whoever reads it, and says where', async (t) => {
  const damages = [
    [
      'UPDATE record SET value = zeroblob(length(value)) WHERE offset = 1',
      /the record at offset 1 has another checksum/,
    ],
    ['DELETE FROM record WHERE offset = 1', /the record at offset 1 is missing/],
    ['DELETE FROM record WHERE offset = 0', /the record at offset 0 is missing/],
  ] as const
  for (const [damage, message] of damages) {
    const directory = await testDirectory(t)
    const writer = new Checkpoint({ journal: await openIn(directory), incarnation: 'a1', node: 'a', log })
    await writer.start()
    writer.lead(1)
    await writer.whenLeading(deadlineMs)
    for (let turn = 0; turn < 3; turn++) await writer.transact(() => writer.map('m').set(`${turn}`, turn))
    await writer.close()
    const database = new DatabaseSync(join(directory.path, `${topic}.sqlite`))
    database.exec(damage)
    database.close()
    const reader = new Checkpoint({ journal: await openIn(directory), incarnation: 'b1', node: 'b', log })
    await fails(reader.start(), 'JOURNAL_UNREADABLE', message)
    assert.equal(reader.lead(2), false, 'and does not lead')
    await reader.close()
  }
})

test('the WAL stays bounded while there is always somebody who reads', async (t) => {
  const directory = await testDirectory(t)
  const [writer, reader] = [await openIn(directory), await openIn(directory)]
  const records = 100
  const all = read(reader, 0, records)
  const value = new Uint8Array(800_000)
  let most = 0
  for (let turn = 0; turn < records; turn++) {
    await writer.append(value, deadlineMs)
    most = Math.max(most, (await stat(join(directory.path, `${topic}.sqlite-wal`))).size)
  }
  await all
  assert.ok(most < 48 * 1024 * 1024, `${most} bytes after ${records * value.byteLength}`)
})

test('truncation leaves room that is used again, and appends go on meanwhile', async (t) => {
  const directory = await testDirectory(t)
  const journal = await openIn(directory)
  const value = new Uint8Array(50_000)
  const fill = async () => {
    for (let turn = 0; turn < 300; turn++) await journal.append(value, deadlineMs)
  }
  await fill()
  const truncating = journal.truncate(300)
  const meanwhile = await journal.append(value, deadlineMs)
  await truncating
  assert.deepEqual([await journal.start(), meanwhile], [300, 300])
  await fill()
  await journal.truncate(601)
  await fill()
  await journal.close()
  const { size } = await stat(join(directory.path, `${topic}.sqlite`))
  assert.ok(size < 2 * 300 * value.byteLength, `${size} bytes`)
})

test('a directory that cannot be used is refused with the reason', async (t) => {
  const directory = await testDirectory(t)
  await writeFile(join(directory.path, 'file'), '')
  await mkdir(join(directory.path, 'taken', `${topic}.sqlite`), { recursive: true })
  const table = [
    [join(directory.path, 'file'), /cannot use \S+file \(ENOTDIR/],
    [join(directory.path, 'no', 'parent'), /ENOENT/],
    ['/proc/none', /ENOENT|EACCES|EPERM/],
    [join(directory.path, 'x'.repeat(300)), /ENAMETOOLONG/],
    [join(directory.path, 'taken'), /is no journal of Heartline: it is no file/],
  ] as const
  for (const [place, message] of table) {
    const journal = directory.keep(fileJournal({ directory: place, topic, log }))
    await fails(journal.open(), 'JOURNAL_UNUSABLE', message)
  }
})

test('a read that is begun anew just when its process has died goes on in the next one', async (t) => {
  const children = new Set<ChildProcess>()
  const starts = ChildProcess.prototype as unknown as { spawn(this: ChildProcess, options: unknown): number }
  const { spawn } = starts
  t.mock.method(starts, 'spawn', function (this: ChildProcess, options: unknown) {
    children.add(this)
    return spawn.call(this, options)
  })
  const journal = await openIn(await testDirectory(t))
  for (const record of ['a', 'b']) await journal.append(bytes(record), deadlineMs)
  let seen = ''
  let wake = () => {}
  const tail = await journal.tail(0, (records) => {
    for (const { value } of records) seen += text(value)
    wake()
  })
  const until = async (expected: string) => {
    while (seen !== expected) await new Promise<void>((resolve) => (wake = resolve))
  }
  await until('ab')
  assert.equal(children.size, 1)
  for (const child of children) {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  tail.seek(1)
  await until('abb')
  await journal.append(bytes('c'), deadlineMs)
  await until('abbc')
})
