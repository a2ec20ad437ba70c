/** A receiver and backends in one process: what is seen of a backend that restores, and when it is named. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { backendOptions, createBackend } from '../backend/index.ts'
import { createMemoryLog, type Journal, type MemoryLog, memoryJournal } from '../checkpoint/index.ts'
import type { RecordListener } from '../checkpoint/journal.ts'
import { receiverOptions } from '../heartbeat-receiver/index.ts'
import type { BackendView, Decision } from '../heartbeat-receiver/protocol.ts'
import { startReceiver } from '../heartbeat-receiver/service.ts'
import { statusTable } from './status-table.ts'

const log = pino({ level: 'silent' })

async function world(t: TestContext) {
  const stopping = new AbortController()
  const journal = memoryJournal(createMemoryLog())
  const options = receiverOptions.parse({ port: 0, name: 'r', heartbeatMs: 20 })
  const receiver = await startReceiver(options, log, stopping.signal, { journal })
  t.after(async () => {
    stopping.abort()
    await receiver.done
  })
  const ask = async <T>(path: string) =>
    (await (await fetch(`${receiver.url.replace('ws:', 'http:')}${path}`)).json()) as T
  const start = async (name: string, journal: Journal) => {
    const parsed = backendOptions.parse({ port: 0, name, receivers: receiver.url })
    const backend = createBackend({ ...parsed, log, journal })
    t.after(() => backend.close())
    await backend.start((_request, response) => void response.end())
    return backend
  }
  const status = async () => ({
    receiver: receiver.url,
    receivers: [],
    backends: await ask<BackendView[]>('/api/backends'),
    decisions: await ask<Decision[]>('/api/decisions'),
  })
  return { start, status }
}

/** A journal that delivers `half` records, and the rest when it is opened. */
function gated(shared: MemoryLog, half: number) {
  const gate = Promise.withResolvers<void>()
  const inner = memoryJournal(shared)
  const tail = inner.tail.bind(inner)
  inner.tail = (from: number, onRecords: RecordListener) =>
    tail(from, async (records) => {
      await onRecords(records.filter(({ offset }) => offset < half))
      await gate.promise
      await onRecords(records.filter(({ offset }) => offset >= half))
    })
  return { journal: inner, open: () => gate.resolve() }
}

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (let turn = 0; turn < 500; turn++) {
    const found = await look()
    if (found) return found
    await sleep(10)
  }
  throw new Error('not in time')
}

test('a backend that restores shows how far it is, is not named when the active goes, and is as soon as it is ready', async (t) => {
  const { start, status } = await world(t)
  const shared = createMemoryLog()
  const a = await start('a', memoryJournal(shared))
  await until(async () => a.checkpoint.leads)
  const map = a.checkpoint.map<number>('m')
  for (let turn = 0; turn < 30; turn++) await a.checkpoint.transact(() => map.set('k', turn))

  const { journal, open } = gated(shared, Math.floor(shared.records.length / 2))
  t.after(open)
  await start('b', journal)
  const seen = await until(async () => {
    const all = await status()
    return all.backends.some(({ name, progress }) => name === 'b' && (progress?.ratio ?? 0) > 0) && all
  })
  const b = seen.backends.find(({ name }) => name === 'b')!
  assert.deepEqual([b.phase, b.progress!.ratio > 0.3 && b.progress!.ratio < 0.6], ['starting', true])
  assert.match(statusTable(seen, Date.now()), /^b +starting (3|4|5)\d %/m)

  const closed = a.close() // it says goodbye, and waits for a successor
  await sleep(200)
  assert.deepEqual(
    (await status()).decisions.map(({ name }) => name),
    ['a'],
    'nobody else is named yet',
  )
  open()
  const after = await until(async () => {
    const all = await status()
    return all.backends.some(({ name, phase }) => name === 'b' && phase === 'active') && all
  })
  assert.deepEqual(
    after.decisions.map(({ name, epoch }) => [name, epoch > 1]),
    [['b', true]],
  )
  assert.equal(after.backends.find(({ name }) => name === 'b')!.progress, null)
  await closed
})
