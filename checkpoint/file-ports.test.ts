/** Journal and snapshots of one directory together: taken, truncated, restored, and refused where the state cannot be right. */
import assert from 'node:assert/strict'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import pino from 'pino'
import { Checkpoint } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import { journalPorts } from './open-journal.ts'
import { type TestDirectory, testDirectory } from './test-directory.ts'

const log = pino({ level: 'silent' })
const deadlineMs = 20_000
const topic = 'state'

function open(directory: TestDirectory, node: string): Checkpoint {
  const ports = journalPorts({ kafka: [`file:${directory.path}`], topic, clientId: node, log })
  const limits = { snapshotTailBytes: 20_000, snapshotDelayMs: 1 }
  return directory.keep(new Checkpoint({ ...ports, incarnation: node, node, log, limits, standbys: () => 0 }))
}

/** Writes until the journal was truncated behind a second snapshot, then closes; resolves with the state. */
async function grow(directory: TestDirectory): Promise<unknown> {
  const leader = open(directory, 'leader')
  await leader.start()
  leader.lead(1)
  assert.ok(await leader.whenLeading(deadlineMs))
  const map = leader.map<string>('m')
  const endMs = performance.now() + deadlineMs
  for (let count = 0; firstOffset(directory) === 0; count++) {
    assert.ok(performance.now() < endMs, 'snapshots are taken and the journal is truncated')
    await leader.transact(() => map.set(`k${count % 50}`, `${count}`.padEnd(500)))
  }
  const state = leader.snapshot()
  await leader.close()
  return state
}

function inFile<R>(directory: TestDirectory, name: string, work: (database: DatabaseSync) => R): R {
  const database = new DatabaseSync(join(directory.path, `${name}.sqlite`))
  try {
    return work(database)
  } finally {
    database.close()
  }
}

function firstOffset(directory: TestDirectory): number {
  return inFile(directory, topic, (database) => database.prepare('SELECT first FROM truncation').get()!.first as number)
}

test('a start after truncation has the state from a snapshot and the tail', async (t) => {
  const directory = await testDirectory(t)
  const state = await grow(directory)
  assert.equal((await stat(join(directory.path, `${topic}.snapshots.sqlite`))).mode & 0o777, 0o600)
  const restored = open(directory, 'restored')
  await restored.start()
  assert.deepEqual(restored.snapshot(), state)
  restored.lead(2)
  assert.ok(await restored.whenLeading(deadlineMs), 'and it leads')
})

const damages: Record<string, (directory: TestDirectory) => unknown> = {
  'snapshots that are gone': (directory) =>
    Promise.all(
      ['', '-wal', '-shm'].map((suffix) =>
        rm(join(directory.path, `${topic}.snapshots.sqlite${suffix}`), { force: true }),
      ),
    ),
  'manifests without chunks': (directory) =>
    inFile(directory, `${topic}.snapshots`, (database) => database.exec('DELETE FROM chunk')),
  'chunks with a wrong bit': (directory) =>
    inFile(directory, `${topic}.snapshots`, (database) =>
      database.exec("UPDATE chunk SET value = CAST(substr(value, 1, length(value) - 1) || x'01' AS BLOB)"),
    ),
  'chunks that are cut short': (directory) =>
    inFile(directory, `${topic}.snapshots`, (database) =>
      database.exec('UPDATE chunk SET value = CAST(substr(value, 1, length(value) / 2) AS BLOB)'),
    ),
  'a journal truncated beyond them': (directory) =>
    inFile(directory, topic, (database) => {
      database.exec('UPDATE truncation SET first = (SELECT max(offset) FROM record)')
      database.exec('DELETE FROM record WHERE offset < (SELECT first FROM truncation)')
    }),
}

for (const [what, damage] of Object.entries(damages))
  test(`${what}: refused with the reason, never a wrong state`, async (t) => {
    const directory = await testDirectory(t)
    await grow(directory)
    await damage(directory)
    const restored = open(directory, 'restored')
    await assert.rejects(restored.start(), (error) => {
      assert.ok(error instanceof CheckpointError, String(error))
      assert.equal(error.code, 'HISTORY_LOST', error.message)
      return true
    })
    assert.equal(restored.lead(2), false)
  })
