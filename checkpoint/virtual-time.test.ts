/** A checkpoint that is handed time and chance waits for nothing else: the simulation rests on it. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Checkpoint } from './checkpoint.ts'
import { createMemoryLog, memoryJournal } from './memory-journal.ts'
import { MemorySnapshots, memorySnapshots } from './memory-snapshots.ts'
import { silent } from './test-checkpoint.ts'
import { VirtualTime } from './virtual-time.ts'

async function day(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] }) // whoever waits for these waits for ever
  const time = new VirtualTime()
  const log = createMemoryLog()
  const stored = new MemorySnapshots()
  let drawn = 0
  const make = (incarnation: string) =>
    new Checkpoint({
      journal: memoryJournal(log, time),
      snapshots: memorySnapshots(stored, time),
      ...{ incarnation, node: incarnation, log: silent, time },
      random: () => (++drawn * 0.618_034) % 1,
      newId: () => `id${++drawn}`,
    })
  const [first, second] = [make('a'), make('b')] as const
  const done: string[] = []
  const note = (what: string) => (value: unknown) => void done.push(`${what} ${value} at ${time.now()}`)
  void first.start().then(note('started'))
  await time.run(1_000)
  first.lead(1)
  first.whenLeading(5_000).then(note('leads'))
  await time.run(100)
  const seats = first.map<number>('seats')
  first.transact(() => seats.set('s', 1)).then(note('set'))
  first.read(() => seats.get('s')).then(note('read'))
  await time.run(100)
  first.takeSnapshot().then(note('snapshot'))
  await time.run(2_000)
  void second.start().then(note('restored'))
  await time.run(1_000)
  second.lead(2)
  await time.run(1_000)
  second.read(() => second.map('seats').get('s')).then(note('successor read'))
  await time.run(100)
  first.close().then(note('closed'))
  second.close().then(note('closed'))
  await time.run(5_000)
  t.mock.timers.reset()
  return { done, journal: log.records.map(String), snapshots: [...stored.manifests.values()].map(String) }
}

test('in virtual time a checkpoint starts, leads, copies, succeeds and closes with no turn of the real event loop', async (t) => {
  const { done } = await day(t)
  const what = done.map((line) => line.split(' at ')[0])
  assert.deepEqual(what, [
    'started undefined',
    'leads true',
    'set undefined',
    'read 1',
    'snapshot undefined',
    'restored undefined',
    'successor read 1',
    'closed undefined',
    'closed undefined',
  ])
})

test('the same time and chance give the same journal and snapshots to the byte', async (t) => {
  const once = await day(t)
  assert.deepEqual(await day(t), once)
  assert.equal(once.snapshots.length, 1)
})
