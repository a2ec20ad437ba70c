/** What is above a limit fails alone: its neighbours in the group stand, nothing of it is in any state, now or after a restart. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import {
  type CheckpointLimits,
  createCheckpoint,
  createMemoryLog,
  type MemoryLog,
  memoryJournal,
  routes,
} from './index.ts'
import { timeOfTurns } from './test-checkpoint.ts'

const log = pino({ level: 'silent' })

async function leading(t: TestContext, shared: MemoryLog, node: string, limits: Partial<CheckpointLimits> = {}) {
  const checkpoint = createCheckpoint({ journal: memoryJournal(shared), node, log, limits, time: timeOfTurns() })
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  assert.ok(checkpoint.lead())
  assert.ok(await checkpoint.whenLeading(5_000))
  return { checkpoint, map: checkpoint.map<unknown>('map'), other: checkpoint.map<unknown>('other') }
}

const kindOf = (result: PromiseSettledResult<unknown>) =>
  result.status === 'fulfilled' ? result.value : (result.reason as { code?: string }).code

test('a transaction above the limit fails alone, in the middle of its group, and is in no state, also after a restart', async (t) => {
  const shared = createMemoryLog()
  const { checkpoint, map } = await leading(t, shared, 'a')
  await checkpoint.transact(() => map.set('kept', 'before'))
  const before = shared.records.length
  const large = 'x'.repeat(900_000)
  const results = await Promise.allSettled([
    checkpoint.transact(() => map.set('first', 1)),
    checkpoint.transact(() => {
      map.set('small', 1)
      map.delete('kept')
      map.set('kept', 'changed')
      map.set('large', large)
    }),
    checkpoint.transact(() => {
      map.set('second', map.get('kept'))
      return map.get('second')
    }),
  ])
  assert.deepEqual(results.map(kindOf), [undefined, 'TOO_LARGE', 'before'])
  assert.equal(shared.records.length, before + 1, 'one group')
  const state = checkpoint.snapshot()
  assert.deepEqual(await checkpoint.read(() => [...map.keys()].sort()), ['first', 'kept', 'second'])
  await checkpoint.close()
  const successor = await leading(t, shared, 'b')
  assert.deepEqual(successor.checkpoint.snapshot(), state)
  assert.equal(await successor.checkpoint.read(() => successor.map.get('kept')), 'before')
})

test('the limit is that of the journaled bytes: one below it passes, in UTF-8 and with its key', async (t) => {
  const { checkpoint, map } = await leading(t, createMemoryLog(), 'a', {
    transactionBytesMax: 1_000,
    responseBytesMax: 500,
  })
  const fits = (value: string, key = 'k') =>
    checkpoint
      .transact(() => map.set(key, value))
      .then(
        () => true,
        (error: { code: string }) => (error.code === 'TOO_LARGE' ? false : assert.fail(String(error))),
      )
  let most = 0
  for (let length = 900; length <= 1_000; length++) if (await fits('x'.repeat(length))) most = length
  assert.ok(most > 900 && most < 1_000)
  assert.equal(await fits('x'.repeat(most + 1)), false)
  assert.equal(await fits(`${'x'.repeat(most - 2)}ü`), true, 'two bytes')
  assert.equal(await fits(`${'x'.repeat(most - 1)}ü`), false)
  assert.equal(await fits('x'.repeat(most), 'kk'), false)
})

test('what would put 100 MB fails long before, whatever it does: large values, many small ones, long keys, deletes', async (t) => {
  const { checkpoint, map } = await leading(t, createMemoryLog(), 'a')
  const piece = 'x'.repeat(100_000)
  for (let round = 0; round < 10; round++)
    await checkpoint.transact(() => {
      for (let index = 0; index < 5_000; index++) map.set(`${'k'.repeat(60)}${round * 5_000 + index}`, 0)
    })
  const before = checkpoint.snapshot()
  const works: [string, number, (turn: number) => void][] = [
    ['large values', 9, (turn) => map.set(`large ${turn}`, piece)],
    ['the same key again', 9, () => map.set('again', piece)],
    ['small values', 75_000, (turn) => map.set(String(turn), 0)],
    ['long keys', 9, (turn) => map.set(`${turn}${piece}`, 0)],
    ['deletes', 15_000, (turn) => map.delete(`${'k'.repeat(60)}${turn}`)],
  ]
  for (const [name, mostTurns, work] of works) {
    let turns = 0
    const failed = checkpoint.transact(() => {
      while (turns < 1_000_000) work(turns++)
    })
    await assert.rejects(failed, { code: 'TOO_LARGE', outcome: 'not applied' }, name)
    assert.ok(turns <= mostTurns + 1, `${name}: ${turns} turns`)
  }
  assert.deepEqual(checkpoint.snapshot(), before)
})

test('an answer above its limit fails alone with 413, is not remembered, and the same key may ask again', async (t) => {
  const shared = createMemoryLog()
  const { checkpoint, map } = await leading(t, shared, 'a')
  let answerLength = 70_000
  const { route } = routes(checkpoint, { node: 'a', log })
  const server = createServer(
    route(({ body }) => {
      map.set(body.key, 'set')
      return { status: 201, body: { text: 'x'.repeat(body.large ? answerLength : 10) } }
    }),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  const ask = async (key: string, large: boolean) => {
    const body = JSON.stringify({ key, large })
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
      method: 'POST',
      body,
      headers,
    })
    return [answer.status, ((await answer.json()) as { code?: string }).code]
  }
  assert.deepEqual(await Promise.all([ask('a', false), ask('b', true), ask('c', false)]), [
    [201, undefined],
    [413, 'TOO_LARGE'],
    [201, undefined],
  ])
  const state = checkpoint.snapshot()
  await checkpoint.close()
  const successor = await leading(t, shared, 'b')
  assert.deepEqual(successor.checkpoint.snapshot(), state)
  assert.deepEqual(await successor.checkpoint.read(() => [...successor.map.keys()].sort()), ['a', 'c'])
  answerLength = 60_000
})

test('answers of reads that wait for a journal that stalls are bounded like transactions', async (t) => {
  const shared = createMemoryLog()
  const journal = memoryJournal(shared)
  const append = journal.append.bind(journal)
  let stalled: Promise<void> | null = null
  journal.append = async (value, deadlineMs) => {
    await stalled
    return append(value, deadlineMs)
  }
  const limits = {
    transactionBytesMax: 10_000,
    responseBytesMax: 5_000,
    queueBytesMax: 100_000,
    appendDeadlineMs: 8_000,
  }
  const checkpoint = createCheckpoint({ journal, node: 'a', log, limits })
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  checkpoint.lead()
  await checkpoint.whenLeading(5_000)
  let resume = () => {}
  stalled = new Promise((resolve) => (resume = resolve))
  const answers: string[] = []
  const read = () =>
    checkpoint.submit(
      () => 'x'.repeat(1_000),
      (text) => text,
      { readOnly: true },
      (outcome) => answers.push(outcome.kind === 'failed' ? (outcome.error as { code: string }).code : outcome.kind),
    )
  for (let turn = 0; turn < 150; turn++) read()
  assert.deepEqual(answers, Array(50).fill('QUEUE_FULL'))
  stalled = null
  resume()
  while (answers.length < 150) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(answers.filter((answer) => answer === 'ran').length, 100)
  read()
  while (answers.length < 151) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(answers.at(-1), 'ran', 'what was answered waits no more')
})

test('maps are bounded, also those of a transaction that was taken back', async (t) => {
  const { checkpoint, map } = await leading(t, createMemoryLog(), 'a', { mapsMax: 3 })
  await checkpoint.transact(() => map.set('a', 1))
  const make = (name: string, fail = false) =>
    checkpoint.transact(() => {
      checkpoint.map(name).set('a', 1)
      if (fail) throw new Error('no')
    })
  await make('second')
  await assert.rejects(make('third', true), /no/)
  await assert.rejects(make('fourth'), { code: 'STATE_FULL', outcome: 'not applied' })
  await make('second')
})

test('what exactly-once remembers is bounded for all sessions together, alike on the successor, and freed when it is done with', async (t) => {
  const shared = createMemoryLog()
  const limits = { sessionBytesMax: 3_000, sessionsBytesMax: 5_000, responseBytesMax: 2_000 }
  const a = await leading(t, shared, 'a', limits)
  const sessions = [
    await a.checkpoint.openSession(),
    await a.checkpoint.openSession(),
    await a.checkpoint.openSession(),
  ]
  const submit = ({ checkpoint }: typeof a, session: string, number: number, lowestWaiting = 1) =>
    new Promise<string>((resolve) =>
      checkpoint.submit(
        () => 'x'.repeat(800),
        (text) => JSON.stringify(text),
        { request: [session, number, lowestWaiting] },
        (outcome) => resolve(outcome.kind === 'failed' ? (outcome.error as { code: string }).code : outcome.kind),
      ),
    )
  const [one = '', two = '', three = ''] = sessions
  for (let number = 1; number <= 4; number++) assert.equal(await submit(a, one, number), 'ran')
  assert.equal(await submit(a, one, 5), 'SESSION_FULL', 'its own share')
  assert.equal(await submit(a, two, 1), 'ran')
  assert.equal(await submit(a, two, 2), 'ran')
  assert.equal(await submit(a, three, 1), 'SESSION_FULL', 'that of all')
  const b = await leading(t, shared, 'b', limits)
  assert.equal(await submit(b, three, 1), 'SESSION_FULL', 'the successor counts the same')
  assert.equal(await submit(b, one, 4), 'recorded')
  assert.equal(await submit(b, two, 2), 'recorded')
  assert.equal(await submit(b, two, 3, 3), 'ran', 'it is done with what it says, and makes room itself')
  assert.equal(await submit(b, three, 1), 'ran')
  assert.deepEqual(b.checkpoint.snapshot(), (await leading(t, shared, 'c', limits)).checkpoint.snapshot())
})
