import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import type { Journal, JournalRecord, RecordListener } from './journal.ts'
import { JournalReader } from './journal-reader.ts'
import { realTime } from './time.ts'

/** A reader over a journal that delivers what a test hands to `deliver`, in virtual time. */
async function reading(t: TestContext, needsReading: () => boolean, end: () => Promise<number> = async () => 100) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
  let onRecords: RecordListener = () => undefined
  const journal = {
    start: async () => 0,
    end,
    tail: async (_from: number, listener: RecordListener) => {
      onRecords = listener
      return { seek: () => undefined, close: async () => undefined }
    },
  } as unknown as Journal
  const read: number[] = []
  const reader = new JournalReader({
    journal,
    log: pino({ level: 'silent' }),
    time: realTime,
    startDeadlineMs: 1_000,
    offset: () => read.length,
    awaited: () => null,
    restore: async ({ askEnd }, begin) => {
      await askEnd()
      begin(read.length)
    },
    mayRestore: () => false,
    read: ({ offset }) => read.push(offset),
    needsReading,
    caughtUp: () => undefined,
    looked: () => undefined,
    failed: (error) => assert.fail(String(error)),
  })
  await reader.start()
  t.after(() => reader.stop())
  let taken = 0
  const deliver = async (...offsets: number[]) => {
    const records: JournalRecord[] = offsets.map((offset) => ({ offset, value: new Uint8Array() }))
    await onRecords(records)
    taken++
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return { reader, read, deliver, turn, taken: () => taken }
}

test('who follows is given the next records at once', async (t) => {
  const { deliver, turn, taken } = await reading(t, () => true)
  void deliver(0, 1)
  await turn()
  assert.equal(taken(), 1)
})

test('a writer that knows all there is reads again only after a rest, or when it is woken', async (t) => {
  const { reader, read, deliver, turn, taken } = await reading(t, () => false)
  void deliver(0)
  await turn()
  assert.deepEqual([read, taken()], [[0], 0], 'what was delivered is read; more is not asked for yet')
  t.mock.timers.tick(25)
  await turn()
  assert.equal(taken(), 1)
  void deliver(1)
  await turn()
  reader.wake()
  await turn()
  assert.equal(taken(), 2)
})

test('what was read ages until the journal answers where it ends, and more than that was read', async (t) => {
  let answers: (end: number) => void = () => undefined
  const first = Promise.resolve(2)
  let asked = 0
  const end = () => (asked++ === 0 ? first : new Promise<number>((resolve) => (answers = resolve)))
  const { reader, deliver, turn } = await reading(t, () => true, end)
  assert.equal(reader.stalenessMs(10_000), Number.POSITIVE_INFINITY, 'two records stand there unread')
  await deliver(0, 1)
  assert.ok(reader.stalenessMs(10_000) < 1_000)
  t.mock.timers.tick(500)
  t.mock.timers.tick(2_500)
  assert.ok(reader.stalenessMs(10_000) >= 3_000, 'asked every half second, and not answered')
  answers(3)
  await turn()
  assert.ok(reader.stalenessMs(10_000) >= 3_000, 'the third record is not read yet')
  await deliver(2)
  const sinceAskedMs = reader.stalenessMs(10_000)
  assert.ok(sinceAskedMs >= 2_500 && sinceAskedMs < 3_000, `${sinceAskedMs} ms since the look that was answered`)
})

test('a reader whose limit is at risk looks at once, and not more than one at a time', async (t) => {
  let asked = 0
  const end = () => (asked++ === 0 ? Promise.resolve(0) : new Promise<number>(() => undefined))
  const { reader } = await reading(t, () => true, end)
  t.mock.timers.tick(100)
  reader.stalenessMs(1_000)
  assert.equal(asked, 1, 'not at risk')
  reader.stalenessMs(100)
  reader.stalenessMs(100)
  assert.equal(asked, 2)
})
