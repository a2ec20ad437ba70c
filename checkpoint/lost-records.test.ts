/** Kafka lost records that were acknowledged: whoever has read them notices, and stops rather than going on upon another history. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Checkpoint } from './checkpoint.ts'
import type { CheckpointError } from './errors.ts'
import { createMemoryLog, memoryJournal } from './memory-journal.ts'
import { silent } from './test-checkpoint.ts'
import { VirtualTime } from './virtual-time.ts'

test('a journal that ends before what was read of it has lost records: whoever read them stops and says so', async () => {
  const time = new VirtualTime()
  const log = createMemoryLog()
  const fatal: CheckpointError[] = []
  const start = async (incarnation: string) => {
    const journal = memoryJournal(log, time)
    const checkpoint = new Checkpoint({ journal, incarnation, node: incarnation, log: silent, time })
    checkpoint.on('fatal', (error) => fatal.push(error))
    void checkpoint.start()
    await time.run(1_000)
    return checkpoint
  }
  const writer = await start('writer')
  writer.lead(1)
  await time.run(100)
  const map = writer.map<number>('m')
  for (let turn = 0; turn < 3; turn++) {
    void writer.transact(() => map.set('k', turn))
    await time.run(100)
  }
  await start('standby')
  log.records.length -= 2
  await time.run(1_000)
  assert.deepEqual(
    fatal.map(({ code }) => code),
    ['HISTORY_LOST', 'HISTORY_LOST'],
  )
  for (const { message } of fatal) assert.match(message, /the journal ends at \d+, and \d+ records were read/)
})
