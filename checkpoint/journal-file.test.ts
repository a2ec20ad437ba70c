import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { testDirectory } from './test-directory.ts'

const modules = ['journal-file', 'snapshots-file'].map((name) => join(import.meta.dirname, `${name}.ts`))

/** Writes until that fails: how many were said to be there, and how many are. */
const filling = `
  const [, journalPath, snapshotsPath] = process.argv
  const { JournalFile } = await import(${JSON.stringify(modules[0])})
  const { SnapshotsFile } = await import(${JSON.stringify(modules[1])})
  const journal = new JournalFile({ path: journalPath, busyTimeoutMs: 100, create: true })
  const snapshots = new SnapshotsFile({ path: snapshotsPath, busyTimeoutMs: 100, create: true })
  const fill = (write) => {
    for (let written = 0; ; written++) {
      try {
        if (written > 1_000 || !write(written)) return written
      } catch {
        return written
      }
    }
  }
  const appended = fill((count) => journal.append(new Uint8Array(9_000)) === count)
  const locations = []
  const chunks = fill((count) => locations.push(snapshots.writeChunk(String(count), new Uint8Array(9_000))))
  const found = locations.filter((location, index) => snapshots.readChunk(String(index), location) !== null).length
  console.log(JSON.stringify({ appended, next: journal.bounds().next, chunks, found }))
`

// Where a file may not grow, writing fails at the commit, as on a full disk; no user needs to be asked for a small disk.
test('what is said to be written is there, also when the commit fails', {
  skip: process.platform === 'win32',
}, async (t) => {
  const { path } = await testDirectory(t)
  const script = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', filling]
  const places = [join(path, 'j.sqlite'), join(path, 's.sqlite')]
  const arguments_ = ['-c', 'ulimit -f 1000 && exec "$@"', 'sh', ...script, ...places]
  const { stdout } = await promisify(execFile)('sh', arguments_, { timeout: 30_000 })
  const { appended, next, chunks, found } = JSON.parse(stdout)
  assert.ok(appended > 10 && appended < 1_000, `${appended} records`)
  assert.equal(next, appended)
  assert.ok(chunks > 10 && chunks < 1_000, `${chunks} chunks`)
  assert.equal(found, chunks)
})
