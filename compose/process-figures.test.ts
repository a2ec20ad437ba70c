import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { openFiles, parseStat, processorTimeMs, residentBytes } from './process-figures.ts'

const skip = process.platform === 'linux' ? false : '/proc is of Linux only'

test('a program whose name looks like fields is read all the same', () => {
  const text = `77 (a) R 9 (b) S 12 1 1 0 -1 4194560 1 2 3 4 150 30 0 0 20 0 1 0 5 6 7`
  assert.deepEqual(parseStat(text), { pid: 77, parent: 12, ticks: 180 })
})

test('work shows as processor time', { skip }, async () => {
  const before = (await processorTimeMs(process.pid))!
  const began = process.cpuUsage()
  for (let usedMs = 0; usedMs < 60; ) {
    const { user, system } = process.cpuUsage(began)
    usedMs = (user + system) / 1_000
  }
  assert.ok((await processorTimeMs(process.pid))! >= before + 30)
})

test('memory in use is in the resident bytes', { skip }, async () => {
  const held = Buffer.alloc(64 * 1024 * 1024, 1)
  assert.ok((await residentBytes(process.pid))! > held.length)
})

test('an open socket is counted among files and among sockets', { skip }, async (t) => {
  const before = (await openFiles(process.pid))!
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const after = (await openFiles(process.pid))!
  assert.deepEqual([after.files - before.files, after.sockets - before.sockets], [1, 1])
})

test('of a process that is gone nothing is known', async () => {
  const gone = 2 ** 30
  assert.deepEqual(await Promise.all([processorTimeMs(gone), residentBytes(gone), openFiles(gone)]), [
    undefined,
    undefined,
    undefined,
  ])
})
