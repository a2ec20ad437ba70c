import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { createMemoryLog, memoryJournal, memorySnapshots } from '../checkpoint/index.ts'
import type { RecordListener } from '../checkpoint/journal.ts'
import { createBackend } from './backend.ts'
import { backendOptions } from './config.ts'
import { metricsPath } from './metrics.ts'

const log = pino({ level: 'silent' })

/** A backend that counts once it is asked to; no receiver hears it. */
async function counting(t: TestContext, options: Record<string, unknown> = {}, shared = createMemoryLog()) {
  const parsed = backendOptions.parse({ port: 0, name: 'n', receivers: 'ws://127.0.0.1:1', ...options })
  const backend = createBackend({ ...parsed, log, journal: memoryJournal(shared) })
  t.after(() => backend.close())
  const { checkpoint } = backend
  const map = checkpoint.map<number>('m')
  const { url } = await backend.start((_request, response) => void response.writeHead(404).end('the application'))
  while (checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  const count = async (times: number) => {
    checkpoint.lead(1)
    assert.equal(await checkpoint.whenLeading(5_000), true)
    await Promise.all(
      Array.from({ length: times }, (_, index) => checkpoint.transact(() => map.set(`k${index}`, index))),
    )
  }
  return { checkpoint, count, url: `${url}${metricsPath}` }
}

/** The value of a series without labels. */
function seriesOf(text: string, name: string): number {
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
  assert.ok(found !== undefined, `${name} is exposed`)
  return Number(found)
}

test('a backend says how long its commits take, how many transactions share one, whether it leads, and that it was fenced', async (t) => {
  const shared = createMemoryLog()
  const first = await counting(t, {}, shared)
  await first.count(20)
  const text = await (await fetch(first.url)).text()
  const commits = seriesOf(text, 'heartline_commit_seconds_count')
  assert.ok(commits >= 1 && commits < 20, 'they shared commits')
  assert.equal(seriesOf(text, 'heartline_commit_group_size_count'), commits)
  assert.equal(seriesOf(text, 'heartline_commit_group_size_sum'), 20)
  assert.ok(seriesOf(text, 'heartline_commit_seconds_sum') > 0)
  assert.deepEqual(
    ['heartline_active', 'heartline_journal_reachable', 'heartline_fenced_total', 'heartline_journal_lag_records'].map(
      (name) => seriesOf(text, name),
    ),
    [1, 1, 0, 0],
  )
  assert.ok(seriesOf(text, 'process_resident_memory_bytes') > 0)
  const { checkpoint } = first
  const other = createBackend({
    ...backendOptions.parse({ port: 0, name: 'o', receivers: 'ws://127.0.0.1:1' }),
    log,
    journal: memoryJournal(shared),
  })
  t.after(() => other.close())
  await other.checkpoint.start()
  other.checkpoint.lead(2)
  await other.checkpoint.whenLeading(5_000)
  while (checkpoint.phase !== 'standby') await new Promise((resolve) => setImmediate(resolve))
  const after = await (await fetch(first.url)).text()
  assert.deepEqual([seriesOf(after, 'heartline_active'), seriesOf(after, 'heartline_fenced_total')], [0, 1])
})

test('a backend shows how far its cold start is: 0 before it knows, a share while it reads, 1 once it has', async (t) => {
  const shared = createMemoryLog()
  const first = await counting(t, {}, shared)
  await first.count(20)
  const inner = memoryJournal(shared)
  const end = shared.records.length
  const gate = Promise.withResolvers<void>()
  const journal = Object.assign(inner, {
    tail: (from: number, onRecords: RecordListener) => {
      const half = memoryJournal(shared)
      return half.tail(from, async (records) => {
        await onRecords(records.slice(0, Math.floor(end / 2)))
        await gate.promise
        await onRecords(records.slice(Math.floor(end / 2)))
      })
    },
  })
  const options = backendOptions.parse({ port: 0, name: 'o', receivers: 'ws://127.0.0.1:1' })
  const backend = createBackend({ ...options, log, journal })
  t.after(() => {
    gate.resolve()
    return backend.close()
  })
  const { url } = await backend.start((_request, response) => void response.writeHead(404).end())
  const ratio = async () => seriesOf(await (await fetch(`${url}${metricsPath}`)).text(), 'heartline_restore_ratio')
  assert.equal(await ratio(), 0)
  while (backend.checkpoint.status().offset < Math.floor(end / 2)) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await ratio(), Math.floor(end / 2) / end)
  gate.resolve()
  while (backend.checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await ratio(), 1)
})

test('with a token, only who knows it sees the metrics', async (t) => {
  const { url } = await counting(t, { token: 'a-long-secret' })
  const asked = await Promise.all(
    [undefined, 'Bearer a-long-secreT', 'Bearer a-long-secret'].map((authorization) =>
      fetch(url, { headers: authorization === undefined ? {} : { authorization } }),
    ),
  )
  assert.deepEqual(
    asked.map(({ status }) => status),
    [401, 401, 200],
  )
})

test('without a token, only who asks directly sees them: a client of a balancer gets what the application says', async (t) => {
  const { url } = await counting(t)
  for (const headers of [{ via: '1.1 heartline' }, { 'x-heartline-request': '- 0 0 1 0' }]) {
    const answer = await fetch(url, { headers: headers as Record<string, string> })
    assert.deepEqual([answer.status, await answer.text()], [404, 'the application'])
  }
  assert.equal((await fetch(url)).status, 200)
})

test('a backend says how old and how large its newest snapshot is, and how much journal has come since', async (t) => {
  const parsed = backendOptions.parse({ port: 0, name: 'n', receivers: 'ws://127.0.0.1:1', snapshotTail: '4KiB' })
  const limits = { snapshotDelayMs: 1 }
  const backend = createBackend({ ...parsed, log, limits, journal: memoryJournal(), snapshots: memorySnapshots() })
  t.after(() => backend.close())
  const { checkpoint } = backend
  const { url } = await backend.start((_request, response) => void response.writeHead(404).end())
  while (checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  checkpoint.lead(1)
  assert.equal(await checkpoint.whenLeading(5_000), true)
  const metrics = async () => (await fetch(`${url}${metricsPath}`)).text()
  const before = await metrics()
  assert.deepEqual(
    [seriesOf(before, 'heartline_snapshot_age_seconds'), seriesOf(before, 'heartline_snapshot_bytes')],
    [-1, 0],
  )
  const map = checkpoint.map<string>('m')
  for (let index = 0; index < 50; index++) await checkpoint.transact(() => map.set(`k${index}`, 'x'.repeat(100)))
  while (seriesOf(await metrics(), 'heartline_snapshot_tail_bytes') < 5_000)
    await new Promise((resolve) => setImmediate(resolve)) // a writer reads its own records back at leisure
})

test('it says whether it has a lease, and how many reads were answered under one and without', async (t) => {
  const { checkpoint, count, url } = await counting(t)
  await count(1)
  const read = async () => {
    const text = await (await fetch(url)).text()
    const names = ['heartline_leased', 'heartline_reads_total{by="lease"}', 'heartline_reads_total{by="barrier"}']
    return names.map((name) => seriesOf(text, name.replace(/[{}]/g, '\\$&')))
  }
  const [, byLease, byBarrier] = await read()
  await checkpoint.read(() => 1)
  assert.deepEqual(await read(), [0, byLease, byBarrier! + 1])
  const sentAt = { monotonicMs: performance.now(), wallMs: Date.now() }
  checkpoint.grantLease({ epoch: 1, forMs: 60_000, sentAt })
  await checkpoint.read(() => 1)
  await checkpoint.read(() => 2)
  assert.deepEqual(await read(), [1, byLease! + 2, byBarrier! + 1])
})
