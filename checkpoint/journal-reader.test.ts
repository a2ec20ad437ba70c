import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import type { Journal, JournalRecord, RecordListener } from './journal.ts'
import { JournalReader } from './journal-reader.ts'

/** A reader over a journal that delivers what a test hands to `deliver`, in virtual time. */
async function reading(t: TestContext, needsReading: () => boolean) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let onRecords: RecordListener = () => undefined
  const journal = {
    start: async () => 0,
    end: async () => 100,
    tail: async (_from: number, listener: RecordListener) => {
      onRecords = listener
      return { seek: () => undefined, close: async () => undefined }
    },
  } as unknown as Journal
  const read: number[] = []
  const reader = new JournalReader({
    journal,
    log: pino({ level: 'silent' }),
    startDeadlineMs: 1_000,
    offset: () => read.length,
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
