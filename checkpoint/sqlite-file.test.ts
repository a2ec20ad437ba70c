import assert from 'node:assert/strict'
import { readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { CheckpointError, type CheckpointErrorCode } from './errors.ts'
import { fileError, isBusy } from './file-failure.ts'
import { fileJournal } from './file-journal.ts'
import { fileSnapshots } from './file-snapshots.ts'
import { journalFormat } from './journal-file.ts'
import { createFile, openFile } from './sqlite-file.ts'
import { type TestDirectory, testDirectory } from './test-directory.ts'

const log = pino({ level: 'silent' })

async function place(t: TestContext): Promise<{ directory: TestDirectory; path: string }> {
  const directory = await testDirectory(t)
  return { directory, path: join(directory.path, 't.sqlite') }
}

test('what is appended is synced before it is told, and nothing else may be set', async (t) => {
  const { directory, path } = await place(t)
  createFile(path, journalFormat)
  const database = directory.keep(openFile(path, journalFormat, 100))
  const settings = ['journal_mode', 'synchronous', 'wal_autocheckpoint', 'fullfsync', 'checkpoint_fullfsync']
  assert.deepEqual(
    settings.map((name) => Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]),
    ['wal', 2, 0, 1, 1], // 2 is FULL
  )
})

test('a file is made whole or not at all, also by several at once', async (t) => {
  const { directory, path } = await place(t)
  const journals = Array.from({ length: 4 }, () =>
    directory.keep(fileJournal({ directory: directory.path, topic: 't', log })),
  )
  await Promise.all(journals.map((journal) => journal.open()))
  for (const [index, journal] of journals.entries()) assert.equal(await journal.append(Uint8Array.of(1), 5_000), index)
  const left = (await readdir(directory.path)).filter((file) => file.includes('.new'))
  assert.deepEqual(left, [])
  createFile(path, journalFormat) // one that is there stays as it is
  assert.equal(await journals[0]!.end(), 4)
})

const foreign: Record<string, { make(path: string): unknown; code: CheckpointErrorCode; message: RegExp }> = {
  'a text': {
    make: (path) => writeFile(path, 'state of another program, of some length '.repeat(50)),
    code: 'JOURNAL_UNUSABLE',
    message: /is no database: it is damaged, or another program's/,
  },
  'an empty file': {
    make: (path) => writeFile(path, ''),
    code: 'JOURNAL_UNUSABLE',
    message: /it is empty, and one of ours never is/,
  },
  'a database of another program': {
    make: (path) => sql(path, 'CREATE TABLE users (name TEXT)'),
    code: 'JOURNAL_UNUSABLE',
    message: /database of another program/,
  },
  'a newer format': {
    make: (path) => {
      createFile(path, journalFormat)
      sql(path, 'PRAGMA user_version = 2')
    },
    code: 'JOURNAL_UNUSABLE',
    message: /it has format 2, and this program knows format 1/,
  },
  'a trigger among its tables': {
    make: (path) => {
      createFile(path, journalFormat)
      sql(path, 'CREATE TRIGGER eat AFTER INSERT ON record BEGIN DELETE FROM record; END')
    },
    code: 'JOURNAL_UNUSABLE',
    message: /its tables are not those of one/,
  },
  'a snapshot store': {
    make: async (path) => {
      const store = fileSnapshots({ directory: join(path, '..'), topic: 't' })
      await store.open()
      await store.close()
    },
    code: 'JOURNAL_UNUSABLE',
    message: /database of another program/,
  },
  'half a journal': {
    make: async (path) => {
      const journal = fileJournal({ directory: join(path, '..'), topic: 't', log })
      await journal.open()
      for (let turn = 0; turn < 20; turn++) await journal.append(new Uint8Array(10_000), 5_000)
      await journal.close()
      await truncate(path, 40_960)
    },
    code: 'JOURNAL_UNREADABLE',
    message: /is damaged \(database disk image is malformed\): restore the file from a copy/,
  },
}

for (const [what, { make, code, message }] of Object.entries(foreign))
  test(`${what} is refused as a journal, and left as it is`, async (t) => {
    const { directory, path } = await place(t)
    await make(path)
    const journal = directory.keep(fileJournal({ directory: directory.path, topic: 't', log }))
    await assert.rejects(journal.open(), (error) => {
      assert.ok(error instanceof CheckpointError)
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      assert.ok(error.message.includes(path))
      return true
    })
    await assert.rejects(journal.append(Uint8Array.of(1), 1_000), CheckpointError)
  })

test('every failure of a file has a code and one line that says what is wrong', () => {
  const plenty = 1024 ** 3
  const table: [error: object, freeBytes: number | undefined, CheckpointErrorCode, RegExp][] = [
    [{ errcode: 13, errstr: 'database or disk is full' }, undefined, 'JOURNAL_FULL', /the disk is full/],
    [{ code: 'ENOSPC', message: 'no space' }, undefined, 'JOURNAL_FULL', /the disk is full/],
    [{ code: 'EDQUOT', message: 'quota' }, plenty, 'JOURNAL_FULL', /the disk is full/],
    [{ errcode: 4874, errstr: 'disk I/O error' }, 0, 'JOURNAL_FULL', /the disk is full/],
    [{ errcode: 778, errstr: 'disk I/O error' }, 0, 'JOURNAL_FULL', /the disk is full/],
    [{ errcode: 14, errstr: 'unable to open database file' }, 0, 'JOURNAL_FULL', /the disk is full/],
    [{ errcode: 778, errstr: 'disk I/O error' }, plenty, 'JOURNAL_UNREACHABLE', /append to \S+: disk I\/O error/],
    [{ errcode: 1034, errstr: 'disk I/O error' }, 0, 'JOURNAL_UNREACHABLE', /disk I\/O error/],
    [{ errcode: 5, errstr: 'database is locked' }, plenty, 'JOURNAL_UNREACHABLE', /another process holds it/],
    [{ errcode: 11, errstr: 'malformed' }, plenty, 'JOURNAL_UNREADABLE', /is damaged \(malformed\)/],
    [{ errcode: 26, errstr: 'file is not a database' }, plenty, 'JOURNAL_UNUSABLE', /is no database/],
    [{ errcode: 8, errstr: 'attempt to write a readonly database' }, plenty, 'JOURNAL_UNUSABLE', /may write/],
    [{ errcode: 14, errstr: 'unable to open database file' }, plenty, 'JOURNAL_UNUSABLE', /may write/],
    [Object.assign(new Error('EACCES: denied'), { code: 'EACCES' }), plenty, 'JOURNAL_UNUSABLE', /EACCES/],
    [Object.assign(new Error('EROFS: read-only'), { code: 'EROFS' }), plenty, 'JOURNAL_UNUSABLE', /EROFS/],
    [new Error('odd'), plenty, 'JOURNAL_UNREACHABLE', /could not append to \/d\/t.sqlite: odd/],
  ]
  for (const [error, freeBytes, code, message] of table) {
    const made = fileError({ error, directory: '/d', path: '/d/t.sqlite', doing: 'append to', freeBytes })
    assert.equal(made.code, code, made.message)
    assert.match(made.message, message)
    assert.doesNotMatch(made.message, /\n/)
    assert.equal(made.cause, error)
  }
  const typed = new CheckpointError('STOPPED', 'closed')
  assert.equal(fileError({ error: typed, directory: '', path: '', doing: '', freeBytes: 0 }), typed)
  assert.deepEqual(
    [5, 261, 517, 6, 13, 11].map((errcode) => isBusy({ errcode })),
    [true, true, true, true, false, false],
  )
})

function sql(path: string, statement: string): void {
  const database = new DatabaseSync(path)
  database.exec(statement)
  database.close()
}
