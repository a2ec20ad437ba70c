import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { emptyDigest } from '../checkpoint/digest.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from '../checkpoint/index.ts'
import { encodeCommit, recordVersion } from '../checkpoint/record.ts'
import { capturedLog } from './captured-log.ts'
import { DecisionLog } from './decision-log.ts'
import type { RecordedDecision } from './events.ts'

const decision: RecordedDecision = {
  ...{ shard: 0, epoch: 3, name: 'a', incarnation: 'a-1', url: 'http://127.0.0.1:9', exactlyOnce: true, direct: true },
}

async function openLog(t: TestContext, journal: MemoryLog, node: string) {
  const heard: string[] = []
  const hear = (what: string) => () => void heard.push(what)
  const log = new DecisionLog(
    {
      journal: memoryJournal(journal),
      incarnation: `${node}-1`,
      node,
      url: () => `ws://${node}:7070`,
      log: capturedLog().log,
    },
    {
      caughtUp: (unseen) => void heard.push(unseen ? 'caught up, with some unseen' : 'caught up'),
      ...{ restoring: hear('restoring'), read: hear('read'), claimed: hear('claimed'), lost: hear('lost') },
    },
  )
  t.after(() => log.close())
  await log.start()
  const hears = async (what: string, times = 1) => {
    const deadlineMs = performance.now() + 10_000
    while (heard.filter((one) => one === what).length < times) {
      assert.ok(performance.now() < deadlineMs, `${what}, of ${heard.join()}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  return { log, heard, hears }
}

describe('the journal of decisions', () => {
  it('is led by one, and read by the others: its decisions, its renewals, and who it is', async (t) => {
    const journal = createMemoryLog()
    const one = await openLog(t, journal, 'one')
    const other = await openLog(t, journal, 'other')
    assert.equal(other.log.leader, null)
    assert.ok(one.log.claim())
    await one.hears('claimed')
    await one.log.record(decision)
    await one.log.renew()
    await other.hears('read', 3)
    assert.deepEqual(other.log.decisions, [decision])
    assert.deepEqual(other.log.leader, { incarnation: 'one-1', node: 'one', url: 'ws://one:7070' })
    assert.deepEqual(one.heard, ['caught up', 'claimed'])
    assert.ok(!one.log.claim(), 'it leads already')
  })

  it('is taken over by a claim: the one before has lost it, and what it records later is void', async (t) => {
    const journal = createMemoryLog()
    const one = await openLog(t, journal, 'one')
    const other = await openLog(t, journal, 'other')
    one.log.claim()
    await one.hears('claimed')
    await one.log.record(decision)
    await other.hears('read', 2)
    other.log.claim()
    await other.hears('claimed')
    await assert.rejects(one.log.record({ ...decision, epoch: 4 }), { code: 'NOT_ACTIVE' })
    await one.hears('lost')
    assert.equal(one.log.leader?.node, 'other')
    assert.deepEqual(one.log.decisions, [decision])
  })

  it('of two claims at once the first counts', async (t) => {
    const journal = createMemoryLog()
    const logs = [await openLog(t, journal, 'one'), await openLog(t, journal, 'other')] as const
    for (const { log } of logs) log.claim()
    await Promise.any(logs.map(({ hears }) => hears('claimed')))
    await Promise.any(logs.map(({ hears }) => hears('lost')))
    assert.deepEqual(logs.map(({ heard }) => heard.includes('claimed')).sort(), [false, true])
  })

  it('a void record is no sign of life of whoever leads', async (t) => {
    const journal = createMemoryLog()
    const one = await openLog(t, journal, 'one')
    one.log.claim()
    await one.hears('claimed')
    const other = await openLog(t, journal, 'other')
    const before = other.heard.filter((what) => what === 'read').length
    const void_ = {
      type: 'commit',
      version: recordVersion,
      reign: [0, 0],
      at: 0,
      incarnation: 'x',
      digest: emptyDigest,
    } as const
    journal.append(encodeCommit(void_, []))
    await one.log.renew()
    await other.hears('read', before + 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(other.heard.filter((what) => what === 'read').length, before + 1)
  })
})
