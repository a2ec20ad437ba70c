/** When what arrives is sent to the journal, in virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Checkpoint } from './checkpoint.ts'
import { createMemoryLog, memoryJournal } from './memory-journal.ts'
import { silent } from './test-checkpoint.ts'
import { VirtualTime } from './virtual-time.ts'

for (const what of ['transaction', 'barrier read'] as const) {
  test(`what arrives in a turn shares a group, and a turn that lasts does not hold up its first ${what}`, async (t) => {
    const time = new VirtualTime()
    const journal = memoryJournal(createMemoryLog(), time)
    const append = journal.append.bind(journal)
    let appends = 0
    t.mock.method(journal, 'append', (value: Uint8Array, deadlineMs: number) => {
      appends++
      return append(value, deadlineMs)
    })
    const checkpoint = new Checkpoint({ journal, incarnation: 'a', node: 'a', log: silent, time })
    t.after(async () => {
      const closed = checkpoint.close(0)
      await time.run(1_000)
      await closed
    })
    const seats = checkpoint.map<number>('seats')
    void checkpoint.start()
    await time.run(1_000)
    checkpoint.lead(1)
    await time.run(1_000)
    const ask = () =>
      what === 'transaction' ? checkpoint.transact(() => seats.set('s', 1)) : checkpoint.read(() => seats.get('s'))

    appends = 0
    const asked = [ask(), ask()]
    time.standStill(1)
    asked.push(ask())
    assert.equal(appends, 0)
    time.standStill(2)
    asked.push(ask())
    assert.equal(appends, 1)
    time.standStill(10)
    asked.push(ask())
    assert.equal(appends, 1, 'one append in flight')
    await time.run(1_000)
    await Promise.all(asked)
    assert.equal(appends, 2)
  })
}
