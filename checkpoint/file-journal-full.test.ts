/** A full disk under an embedded journal: writes wait, nothing acknowledged is lost, and with room all goes on. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { Checkpoint } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import { fileJournal } from './file-journal.ts'
import { fileSnapshots } from './file-snapshots.ts'
import { testDirectory } from './test-directory.ts'

const silent = pino({ level: 'silent' })
const deadlineMs = 5_000
const isFull = (error: unknown) =>
  error instanceof CheckpointError && error.code === 'JOURNAL_FULL' && /the disk is full: make room/.test(error.message)

/** A small disk of its own, where this user may make one. */
function smallDisk(t: TestContext, megabytes: number): string | null {
  const path = mkdtempSync(join(tmpdir(), 'heartline-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    t.after(() => rmdir(path))
    return null
  }
  t.after(async () => {
    execFileSync('umount', ['--lazy', path])
    await rmdir(path)
  })
  return path
}

test('beyond a quota appends are refused as on a full disk, and what was truncated makes room', async (t) => {
  const directory = await testDirectory(t)
  const journal = directory.keep(
    fileJournal({ directory: directory.path, topic: 't', log: silent, bytesMax: 1_000_000 }),
  )
  await journal.open()
  const value = new Uint8Array(100_000)
  let offset = -1
  await assert.rejects(async () => {
    for (;;) offset = await journal.append(value, deadlineMs)
  }, isFull)
  assert.ok(offset >= 5, `${offset}`)
  assert.equal(await journal.end(), offset + 1, 'what failed is not there')
  await journal.truncate(offset)
  assert.equal(await journal.append(value, deadlineMs), offset + 1)
})

test('a service on a full disk waits, says why, and goes on exactly when there is room', async (t) => {
  const disk = smallDisk(t, 4)
  if (disk === null) return t.skip('no small disk can be mounted by this user')
  const ballast = join(disk, 'ballast')
  const lines: { reason?: string; msg?: string }[] = []
  const log = pino({ level: 'info' }, { write: (text: string) => void lines.push(JSON.parse(text)) })
  const checkpoint = new Checkpoint({
    journal: fileJournal({ directory: join(disk, 'journal'), topic: 't', log }),
    incarnation: 'a1',
    node: 'a',
    log,
    limits: { answerDeadlineMs: 60_000 },
  })
  t.after(() => rm(disk, { recursive: true, force: true }).catch(() => undefined))
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  checkpoint.lead(1)
  assert.ok(await checkpoint.whenLeading(deadlineMs))
  const numbers = checkpoint.map<number>('numbers')
  const write = (count: number) =>
    checkpoint.transact(() => {
      numbers.set(`${count}`, count)
      return count
    })
  for (let count = 0; count < 20; count++) await write(count)
  await writeFile(ballast, Buffer.alloc(8_000_000)).catch((error) => assert.equal(error.code, 'ENOSPC'))

  const waiting = Array.from({ length: 200 }, (_, index) => write(20 + index))
  while (checkpoint.phase !== 'settling') await new Promise((resolve) => setTimeout(resolve, 5))
  const told = lines.find(({ reason }) => reason?.includes('the disk is full'))
  assert.ok(told, 'the log says that the disk is full')
  // What was there in the WAL's last page may take a few; the others wait.
  await new Promise((resolve) => setTimeout(resolve, 200))
  await rm(ballast)
  assert.deepEqual(
    await Promise.all(waiting),
    Array.from({ length: 200 }, (_, index) => 20 + index),
  )
  assert.equal(await checkpoint.read(() => numbers.size), 220)

  const reader = new Checkpoint({
    journal: fileJournal({ directory: join(disk, 'journal'), topic: 't', log: silent }),
    incarnation: 'b1',
    node: 'b',
    log: silent,
  })
  t.after(() => reader.close(0))
  await reader.start()
  assert.deepEqual(reader.snapshot(), checkpoint.snapshot())
})

test('a service that starts on a full disk waits for room', async (t) => {
  const disk = smallDisk(t, 1)
  if (disk === null) return t.skip('no small disk can be mounted by this user')
  const ballast = join(disk, 'ballast')
  await writeFile(ballast, Buffer.alloc(2_000_000)).catch((error) => assert.equal(error.code, 'ENOSPC'))
  const journal = fileJournal({ directory: join(disk, 'journal'), topic: 't', log: silent })
  t.after(() => journal.close())
  await assert.rejects(journal.open(), isFull)
  const snapshots = fileSnapshots({ directory: join(disk, 'journal'), topic: 's' })
  t.after(() => snapshots.close())
  await assert.rejects(snapshots.open(), isFull)
  const checkpoint = new Checkpoint({ journal, incarnation: 'a1', node: 'a', log: silent })
  t.after(() => checkpoint.close(0))
  const starting = checkpoint.start()
  await new Promise((resolve) => setTimeout(resolve, 150))
  await rm(ballast)
  await starting
  await snapshots.open()
})

test('a snapshot on a full disk is refused as such, and written when there is room', async (t) => {
  const disk = smallDisk(t, 2)
  if (disk === null) return t.skip('no small disk can be mounted by this user')
  const snapshots = fileSnapshots({ directory: disk, topic: 's' })
  t.after(() => snapshots.close())
  await snapshots.open()
  const ballast = join(disk, 'ballast')
  await writeFile(ballast, Buffer.alloc(1_500_000))
  const chunk = new Uint8Array(600_000).fill(7)
  await assert.rejects(snapshots.writeChunk('a', chunk), isFull)
  await rm(ballast)
  const location = await snapshots.writeChunk('a', chunk)
  let delivered = 0
  await snapshots.readChunks([{ key: 'a', location }], (_, value) => {
    assert.equal(Buffer.compare(value, chunk), 0)
    delivered++
  })
  assert.equal(delivered, 1)
})
