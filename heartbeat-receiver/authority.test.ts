/** What a receiver says of its authority, over a journal in virtual time. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createMemoryLog, memoryJournal } from '../checkpoint/index.ts'
import { sleep } from '../checkpoint/time.ts'
import { VirtualTime } from '../checkpoint/virtual-time.ts'
import { Authority } from './authority.ts'
import { capturedLog } from './captured-log.ts'
import { tickMs } from './events.ts'

function startAuthority() {
  const time = new VirtualTime()
  const { log, lines } = capturedLog()
  const kafka = { appendMs: 5 }
  const nothing = () => undefined
  const journal = memoryJournal(createMemoryLog(), time)
  const slow = {
    ...{ open: () => journal.open(), start: () => journal.start(), end: () => journal.end() },
    ...{ tail: journal.tail.bind(journal), truncate: journal.truncate.bind(journal), close: () => journal.close() },
    append: async (value: Uint8Array, deadlineMs: number) => {
      await sleep(time, kafka.appendMs)
      return journal.append(value, deadlineMs)
    },
  }
  const authority = new Authority({
    ...{ name: 'r', incarnation: 'r-1', url: () => 'ws://r:7070', peers: [], token: undefined, leaseMs: 200 },
    ...{ journal: { journal: slow, log }, time, random: () => 0, log, dial: () => assert.fail('it has no peers') },
    listener: {
      ...{ authorized: nothing, authority: nothing, deauthorized: nothing, followed: nothing },
      ...{ probe: async () => 'connected' as const, failed: (error) => assert.fail(error) },
    },
  })
  authority.start()
  time.every(tickMs, () => authority.tick())
  const said = () => lines.flatMap(({ event }) => (event?.startsWith('authority') ? [event] : []))
  return { time, kafka, authority, said }
}

it('a receiver that leads and may not decide, as its records take too long, says so once, and when it may again', async () => {
  const { time, kafka, authority, said } = startAuthority()
  await time.run(5_000)
  assert.ok(authority.leads)
  assert.deepEqual(said(), [])
  kafka.appendMs = 250
  await time.run(10_000)
  assert.ok(authority.leads)
  assert.deepEqual(said(), ['authority-lapsed'])
  kafka.appendMs = 5
  await time.run(1_000)
  assert.deepEqual(said(), ['authority-lapsed', 'authority-back'])
  await authority.close()
})
