/** What every journal adapter must do, as tests. Each adapter's test file calls this with a way to open journals over one log. */
import assert from 'node:assert/strict'
import { type TestContext, type TestOptions, test } from 'node:test'
import pino from 'pino'
import { Checkpoint } from './checkpoint.ts'
import { CheckpointError } from './errors.ts'
import type { Journal, JournalRecord } from './journal.ts'

/** Opens journals over one fresh log, as several processes would. */
export type OpenJournals = (t: TestContext) => Promise<() => Promise<Journal>>

const deadlineMs = 10_000
const log = pino({ level: 'silent' })
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array) => new TextDecoder().decode(value)

/** Collects what a tail delivers; `until(n)` resolves when there are n records. */
function collector() {
  const records: JournalRecord[] = []
  let wake = () => {}
  const onRecords = (batch: JournalRecord[]) => {
    records.push(...batch)
    wake()
  }
  const until = async (count: number) => {
    while (records.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return records
  }
  return { onRecords, until }
}

/** Registers the suite; `options` go to each test. */
export function journalConformance(name: string, openJournals: OpenJournals, options: TestOptions = {}): void {
  test(`${name}: offsets begin at 0 and have no gap, also with several writers`, options, async (t) => {
    const open = await openJournals(t)
    const [left, right] = [await open(), await open()]
    const offsets = []
    for (let turn = 0; turn < 6; turn++)
      offsets.push(await (turn % 2 ? left : right).append(bytes(`r${turn}`), deadlineMs))
    assert.deepEqual(offsets, [0, 1, 2, 3, 4, 5])
    assert.equal(await left.start(), 0)
    assert.equal(await right.end(), 6)
  })

  test(
    `${name}: a tail delivers what was there and what comes, in order, the same to every reader`,
    options,
    async (t) => {
      const open = await openJournals(t)
      const [writer, reader] = [await open(), await open()]
      for (const record of ['a', 'b', 'c']) await writer.append(bytes(record), deadlineMs)
      const all = collector()
      const late = collector()
      await writer.tail(0, all.onRecords)
      await reader.tail(2, late.onRecords)
      await late.until(1)
      for (const record of ['d', 'e']) await writer.append(bytes(record), deadlineMs)
      assert.deepEqual(
        (await all.until(5)).map(({ offset, value }) => `${offset}${text(value)}`),
        ['0a', '1b', '2c', '3d', '4e'],
      )
      assert.deepEqual(
        (await late.until(3)).map(({ offset, value }) => `${offset}${text(value)}`),
        ['2c', '3d', '4e'],
      )
    },
  )

  test(`${name}: seek reads again from an offset`, options, async (t) => {
    const journal = await (await openJournals(t))()
    for (const record of ['a', 'b', 'c']) await journal.append(bytes(record), deadlineMs)
    const seen = collector()
    const tail = await journal.tail(0, seen.onRecords)
    await seen.until(3)
    tail.seek(1)
    assert.deepEqual(
      (await seen.until(5)).map(({ offset }) => offset),
      [0, 1, 2, 1, 2],
    )
  })

  test(`${name}: nothing more is delivered while a batch is being worked on`, options, async (t) => {
    const journal = await (await openJournals(t))()
    let busy = 0
    let most = 0
    const seen = collector()
    await journal.tail(0, async (batch) => {
      most = Math.max(most, ++busy)
      await new Promise((resolve) => setImmediate(resolve))
      busy--
      seen.onRecords(batch)
    })
    for (let turn = 0; turn < 20; turn++) await journal.append(bytes(`r${turn}`), deadlineMs)
    await seen.until(20)
    assert.equal(most, 1)
  })

  test(`${name}: records of every byte and of 900 kB come back as they were`, options, async (t) => {
    const journal = await (await openJournals(t))()
    const every = Uint8Array.from({ length: 256 }, (_, index) => index)
    const large = new Uint8Array(900_000).fill(7)
    await journal.append(every, deadlineMs)
    await journal.append(large, deadlineMs)
    const seen = collector()
    await journal.tail(0, seen.onRecords)
    const [first, second] = await seen.until(2)
    assert.deepEqual(Uint8Array.from(first!.value), every)
    assert.deepEqual(Buffer.compare(second!.value, large), 0)
  })

  test(`${name}: truncation forgets what is below and keeps offsets`, options, async (t) => {
    const journal = await (await openJournals(t))()
    for (const record of ['a', 'b', 'c']) await journal.append(bytes(record), deadlineMs)
    await journal.truncate(2)
    assert.equal(await journal.start(), 2)
    assert.equal(await journal.append(bytes('d'), deadlineMs), 3)
  })

  test(`${name}: a closed journal refuses with STOPPED`, options, async (t) => {
    const journal = await (await openJournals(t))()
    await journal.close()
    await assert.rejects(
      journal.append(bytes('a'), deadlineMs),
      (error) => error instanceof CheckpointError && error.code === 'STOPPED',
    )
  })

  test(`${name}: a new reign fences the old one, and every replica ends with the same state`, options, async (t) => {
    const open = await openJournals(t)
    const nodes = await Promise.all(
      ['a', 'b', 'c'].map(
        async (node) => new Checkpoint({ journal: await open(), incarnation: `${node}1`, node, log }),
      ),
    )
    t.after(() => Promise.all(nodes.map((node) => node.close(0))))
    await Promise.all(nodes.map((node) => node.start()))
    let epoch = 0
    let total = 0
    for (let reign = 0; reign < 4; reign++) {
      const leader = nodes[reign % nodes.length]!
      assert.equal(leader.lead(++epoch), true)
      assert.equal(await leader.whenLeading(deadlineMs), true)
      const counters = leader.map<number>('counters')
      const values = await Promise.all(
        Array.from({ length: 50 }, () =>
          leader.transact(() => {
            const value = (counters.get('c') ?? 0) + 1
            counters.set('c', value)
            return value
          }),
        ),
      )
      assert.deepEqual(
        values,
        Array.from({ length: 50 }, (_, index) => total + index + 1),
      )
      total += 50
      const zombie = nodes[(reign + 2) % nodes.length]!
      await assert.rejects(
        zombie.transact(() => undefined),
        (error) => error instanceof CheckpointError && error.code === 'NOT_ACTIVE',
      )
      assert.equal(await leader.read(() => counters.get('c')), total)
    }
    const target = nodes[(4 - 1) % nodes.length]!.status().offset
    for (const node of nodes)
      while (node.status().offset < target) await new Promise((resolve) => setImmediate(resolve))
    for (const node of nodes) assert.deepEqual(node.snapshot(), nodes[0]!.snapshot())
  })
}
