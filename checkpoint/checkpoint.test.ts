import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { Checkpoint, type CheckpointLimits } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import type { Journal, JournalRecord, RecordListener } from './journal.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from './memory-journal.ts'
import { routes } from './route.ts'
import type { RouteHandler } from './route-handler.ts'
import { timeOfTurns } from './test-checkpoint.ts'

const log = pino({ level: 'silent' })

function node(
  t: TestContext,
  shared: MemoryLog,
  name: string,
  journal: Journal = memoryJournal(shared),
  limits: Partial<CheckpointLimits> = {},
) {
  const checkpoint = new Checkpoint({ journal, incarnation: name, node: name, log, limits, time: timeOfTurns() })
  t.after(() => checkpoint.close(0))
  return checkpoint
}

async function leader(t: TestContext, shared: MemoryLog, name: string, epoch = 1, journal = memoryJournal(shared)) {
  const checkpoint = node(t, shared, name, journal)
  await checkpoint.start()
  checkpoint.lead(epoch)
  assert.equal(await checkpoint.whenLeading(5_000), true)
  return checkpoint
}

/** A journal that appends in this way. */
function journalThat(append: (value: Uint8Array, inner: Journal) => Promise<number>): Journal {
  const inner = memoryJournal(createMemoryLog())
  return {
    open: () => inner.open(),
    append: (value) => append(value, inner),
    start: () => inner.start(),
    end: () => inner.end(),
    tail: (from, onRecords) => inner.tail(from, onRecords),
    truncate: (before) => inner.truncate(before),
    close: () => inner.close(),
  }
}

test('the next group leaves before the callers of the one before are told, and they are told before it is durable', async (t) => {
  const seen: string[] = []
  const journal = journalThat(async (value, inner) => {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve() // as much as kafkajs does before the bytes leave
    seen.push('append')
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    seen.push('durable')
    return inner.append(value, 1_000)
  })
  const checkpoint = await leader(t, createMemoryLog(), 'a', 1, journal)
  seen.length = 0
  const map = checkpoint.map<number>('m')
  const transact = (value: number) => checkpoint.transact(() => map.set('k', value)).then(() => seen.push(`${value}`))
  const first = [transact(1), transact(2)]
  await new Promise((resolve) => setImmediate(resolve)) // their group is cut; what comes now is the next
  await Promise.all([...first, transact(3), transact(4)])
  assert.deepEqual(seen, ['append', 'durable', 'append', '1', '2', 'durable', '3', '4'])
})

test('with nothing waiting, a caller is told in the turn in which the journal answers', async (t) => {
  const seen: string[] = []
  const journal = journalThat(async (value, inner) => {
    const offset = await inner.append(value, 1_000)
    setImmediate(() => seen.push('next turn'))
    return offset
  })
  const checkpoint = await leader(t, createMemoryLog(), 'a', 1, journal)
  await new Promise((resolve) => setImmediate(resolve))
  seen.length = 0
  await checkpoint.transact(() => 1).then(() => seen.push('told'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(seen, ['told', 'next turn'])
})

test("a large group's callers are told over several turns of the event loop, in log order", async (t) => {
  const checkpoint = await leader(t, createMemoryLog(), 'a')
  const seen: number[] = []
  const inTurn: number[] = []
  let turn = 0
  const count = () => {
    turn++
    setImmediate(count).unref()
  }
  count()
  const tell = (result: number) => {
    seen.push(result)
    inTurn[turn] = (inTurn[turn] ?? 0) + 1
  }
  const callers = Array.from({ length: 5_000 }, (_, index) => checkpoint.transact(() => index).then(tell))
  await Promise.all(callers)
  assert.deepEqual(seen, [...callers.keys()])
  const from = inTurn.findIndex((told) => told > 0)
  assert.ok(
    Math.max(...inTurn.slice(from).map((told) => told ?? 0)) <= 2_000,
    `told in each turn: ${inTurn.slice(from)}`,
  )
  assert.ok(inTurn.length - from < 100, 'no turn is waited for')
})

test('what a caller asks for upon its answer is done at once', async (t) => {
  const checkpoint = await leader(t, createMemoryLog(), 'a')
  checkpoint.submit(
    () => 1,
    String,
    undefined,
    () => checkpoint.lead(2),
  )
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([checkpoint.phase, checkpoint.status().journalReign], ['active', [2, 0]])
})

test('all callers of what is durable are told before one is refused', async (t) => {
  const checkpoint = await leader(t, createMemoryLog(), 'a')
  const seen: number[] = []
  const callers = Array.from({ length: 3_000 }, (_, index) =>
    checkpoint.transact(() => index).then((result) => seen.push(result)),
  )
  await callers[0]
  const refused = checkpoint.transact(() => -1).catch((error: CheckpointError) => [error.code, seen.length])
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(seen.length < callers.length, 'not all are told yet')
  await checkpoint.close(0)
  assert.deepEqual(await refused, ['STOPPED', callers.length])
})

test('who was answered is told before a later refusal, and nobody is forgotten at the end', async (t) => {
  const shared = createMemoryLog()
  const checkpoint = await leader(t, shared, 'a')
  const seen: string[] = []
  const map = checkpoint.map<number>('m')
  const transact = (value: number) =>
    checkpoint
      .transact(() => map.set('k', value))
      .then(
        () => seen.push(`${value}`),
        (error: CheckpointError) => seen.push(`${value} ${error.code}`),
      )
  const callers = [transact(1)]
  await new Promise((resolve) => setImmediate(resolve))
  callers.push(transact(2))
  checkpoint.once('committed', () => void checkpoint.close(0)) // the second group is under way
  await Promise.all(callers)
  assert.deepEqual(seen, ['1', '2 STOPPED'])
})

test('a gap in what is delivered is read again, and is no loss if it is there then', async (t) => {
  const shared = createMemoryLog()
  const writer = await leader(t, shared, 'a')
  const map = writer.map<number>('m')
  for (let turn = 0; turn < 20; turn++) await writer.transact(() => map.set('k', turn))
  const inner = memoryJournal(shared)
  let gaps = 1
  const gappy = (onRecords: RecordListener) => (records: JournalRecord[]) =>
    onRecords(gaps-- > 0 ? records.filter(({ offset }) => offset !== 5) : records)
  const journal = Object.assign(Object.create(inner) as Journal, {
    open: () => inner.open(),
    append: (value: Uint8Array) => inner.append(value, 1_000),
    start: () => inner.start(),
    end: () => inner.end(),
    close: () => inner.close(),
    tail: (from: number, onRecords: RecordListener) => inner.tail(from, gappy(onRecords)),
  })
  const standby = node(t, shared, 'b', journal)
  await standby.start()
  assert.deepEqual([standby.phase, standby.snapshot()], ['standby', writer.snapshot()])
})

test('a journal that was truncated, with no snapshot, is refused', async (t) => {
  const shared = createMemoryLog()
  const writer = await leader(t, shared, 'a')
  await memoryJournal(shared).truncate(1)
  await assert.rejects(
    node(t, shared, 'b').start(),
    (error) => error instanceof CheckpointError && error.code === 'HISTORY_LOST',
  )
  assert.equal(writer.phase, 'active')
})

test('a record that cannot be read stops a follower, and the offset is told', async (t) => {
  const shared = createMemoryLog()
  const writer = await leader(t, shared, 'a')
  const fatal = new Promise<CheckpointError>((resolve) => writer.on('fatal', resolve))
  const offset = shared.append(new TextEncoder().encode('{}'))
  assert.match((await fatal).message, new RegExp(`offset ${offset} `))
  await assert.rejects(
    writer.transact(() => 1),
    (error) => error instanceof CheckpointError && error.code === 'NOT_ACTIVE',
  )
})

const unsendable: [string, ReturnType<RouteHandler>][] = [
  ['a status that is no number', { status: Number.NaN }],
  ['a status out of range', { status: 1_000 }],
  ['a header beyond Latin-1', { headers: { location: '/\u6771' } }],
  ['a header with a line break', { headers: { 'x-a': 'a\r\nb: c' } }],
]
for (const [what, answer] of unsendable) {
  test(`an answer that cannot be sent, ${what}, changes nothing and harms nobody`, async (t) => {
    const shared = createMemoryLog()
    const writer = await leader(t, shared, 'a')
    const map = writer.map<number>('m')
    const handle = routes(writer, { node: 'a', log }).route(() => {
      map.set('k', 1)
      return answer
    })
    const server = createServer(handle).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const { status } = await fetch(url, { method: 'POST', headers: { 'idempotency-key': 'k', connection: 'close' } })
    assert.deepEqual([status, await writer.read(() => map.get('k'))], [500, undefined])
    const standby = node(t, shared, 'b')
    await standby.start()
    assert.deepEqual(standby.snapshot(), writer.snapshot())
  })
}

test('a caller that fails on its answer costs the others nothing', async (t) => {
  const writer = await leader(t, createMemoryLog(), 'a')
  const map = writer.map<number>('m')
  writer.submit(
    () => map.set('k', 1),
    String,
    undefined,
    () => {
      throw new Error('no')
    },
  )
  assert.equal(await writer.transact(() => map.get('k')), 1)
  assert.equal(await writer.read(() => map.get('k')), 1)
})

test('a GET that changes a map is refused: its replay would be applied twice', async (t) => {
  const writer = await leader(t, createMemoryLog(), 'a')
  const map = writer.map<number>('m')
  await assert.rejects(
    new Promise((_resolve, reject) => {
      writer.submit(
        () => map.set('k', 1),
        String,
        { readOnly: true },
        (outcome) => reject(outcome.kind === 'failed' ? outcome.error : outcome),
      )
    }),
    (error) => error instanceof CheckpointError && error.code === 'CHANGED_BY_READ',
  )
  assert.equal(await writer.read(() => map.get('k')), undefined)
})

test('only a standby shows its state as it is: an active may yet lose what it holds, and who has stopped no longer follows', async (t) => {
  const shared = createMemoryLog()
  const writer = await leader(t, shared, 'a')
  const standby = node(t, shared, 'b')
  await standby.start()
  const read = (checkpoint: Checkpoint) => checkpoint.readStandby(() => checkpoint.map('m').size, String, 60_000)
  assert.deepEqual([read(writer), read(standby)?.outcome.kind], [undefined, 'ran'])
  await standby.close()
  assert.equal(read(standby), undefined)
})

test('an iterator that escapes its read shows nothing', async (t) => {
  const writer = await leader(t, createMemoryLog(), 'a')
  const map = writer.map<number>('m')
  await writer.transact(() => map.set('k', 1))
  assert.deepEqual(await writer.read(() => [...map.entries()]), [['k', 1]])
  const escaped = await writer.read(() => map.entries())
  assert.throws(
    () => [...escaped],
    (error) => error instanceof CheckpointError && error.code === 'OUTSIDE_TRANSACTION',
  )
})

test('values nested too deeply for some call stack are refused before anything is applied', async (t) => {
  const writer = await leader(t, createMemoryLog(), 'a')
  const map = writer.map<unknown>('m')
  const deep = JSON.parse(`${'['.repeat(2_000)}${']'.repeat(2_000)}`)
  await assert.rejects(
    writer.transact(() => map.set('k', deep)),
    (error) => error instanceof CheckpointError && error.code === 'NOT_SERIALISABLE',
  )
})

test('who waits to lead is bounded in number and told in one turn', async (t) => {
  const standby = node(t, createMemoryLog(), 'a', memoryJournal(), { queueMax: 100 })
  await standby.start()
  const waiting = Array.from({ length: 120 }, () => standby.whenLeading(5_000))
  standby.lead(1)
  assert.equal((await Promise.all(waiting)).filter(Boolean).length, 100)
})

test('close during start ends it, and leaves no timer', async () => {
  const checkpoint = new Checkpoint({ journal: memoryJournal(), incarnation: 'a', node: 'a', log })
  const started = checkpoint.start()
  await checkpoint.close()
  await assert.rejects(started, (error) => error instanceof CheckpointError && error.code === 'STOPPED')
})

test('who is not told yet counts as waiting: a caller that submits more than it is told is refused', async (t) => {
  const shared = createMemoryLog()
  const checkpoint = node(t, shared, 'a', memoryJournal(shared), { queueMax: 4_000 })
  await checkpoint.start()
  checkpoint.lead(1)
  await checkpoint.whenLeading(5_000)
  const first = Array.from({ length: 4_000 }, (_, index) => checkpoint.transact(() => index))
  await first[0]
  const more = await Promise.allSettled(Array.from({ length: 4_000 }, (_, index) => checkpoint.transact(() => index)))
  const taken = more.filter(({ status }) => status === 'fulfilled').length
  assert.ok(taken > 0 && taken <= 2_000, `${taken} were taken`)
})

test('too many waiting transactions are refused, and nothing of them is applied', async (t) => {
  const shared = createMemoryLog()
  const writer = node(t, shared, 'a', memoryJournal(shared), { queueMax: 10 })
  await writer.start()
  writer.lead(1)
  await writer.whenLeading(5_000)
  const map = writer.map<number>('m')
  const outcomes = await Promise.allSettled(
    Array.from({ length: 15 }, (_, index) => writer.transact(() => map.set(`k${index}`, 1))),
  )
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [...Array(10).fill('fulfilled'), ...Array(5).fill('rejected')],
  )
  assert.equal(await writer.read(() => map.size), 10)
})
