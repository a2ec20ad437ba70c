import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import {
  CheckpointError,
  createCheckpoint,
  createMemoryLog,
  type MemoryLog,
  memoryJournal,
} from '../checkpoint/index.ts'
import { realTime, type Time } from '../checkpoint/time.ts'
import type { Decision } from '../heartbeat-receiver/protocol.ts'
import { DecisionJournal } from './decision-journal.ts'
import { DecisionSources, unheardMs } from './decision-sources.ts'
import { FakeFollower, until } from './test-cluster.ts'
import { decisionFor } from './virtual-lane.ts'
import { VirtualTime } from './virtual-time.ts'

const quiet = pino({ level: 'silent' })

class Receivers extends FakeFollower {
  connected = false
}

function startSources(t: TestContext) {
  const time = new VirtualTime()
  const receivers = new Receivers()
  const told: number[] = []
  const journal = { begun: 0, rests: 0, read: (_: Decision): void => undefined }
  const sources = new DecisionSources({
    receivers,
    time,
    journal: (read) => {
      journal.read = read
      return {
        begin: () => void journal.begun++,
        rest: () => void journal.rests++,
        close: async () => undefined,
      }
    },
  })
  sources.on('decision', ({ epoch }) => told.push(epoch))
  t.after(() => sources.close())
  return { time, receivers, journal, sources, told }
}

describe('decisions of receivers and of their journal', () => {
  it('the journal is read only when no receiver was heard for a while, and rests as soon as one is', async (t) => {
    const { time, receivers, journal } = startSources(t)
    await time.pass(unheardMs - 1)
    assert.equal(journal.begun, 0)
    await time.pass(1)
    assert.equal(journal.begun, 1)
    receivers.connected = true
    await time.pass(200)
    assert.ok(journal.rests > 0)
    const { begun } = journal
    await time.pass(10_000)
    assert.equal(journal.begun, begun)
    receivers.connected = false
    await time.pass(unheardMs - 200)
    assert.equal(journal.begun, begun, 'a receiver that starts again is waited for')
    await time.pass(400)
    assert.ok(journal.begun > begun)
  })

  it('the highest epoch wins, whoever tells it, and is told once', async (t) => {
    const { receivers, journal, sources, told } = startSources(t)
    journal.read(decisionFor('a', 3))
    journal.read(decisionFor('a', 3))
    receivers.decide(decisionFor('b', 2))
    assert.equal(sources.decision()?.name, 'a')
    receivers.decide(decisionFor('b', 4))
    journal.read(decisionFor('a', 3))
    assert.equal(sources.decision()?.name, 'b')
    assert.deepEqual(told, [3, 4])
  })

  it('receivers are told of an epoch that the journal showed, so that they decide above it', async (t) => {
    const { receivers, journal } = startSources(t)
    journal.read(decisionFor('a', 3))
    assert.deepEqual(receivers.epochsSeen, [3])
  })

  it('what was decided before it was asked is known', (t) => {
    const { receivers } = startSources(t)
    receivers.decide(decisionFor('a', 7))
    const sources = new DecisionSources({
      receivers,
      time: new VirtualTime(),
      journal: () => ({ begin: () => undefined, rest: () => undefined, close: async () => undefined }),
    })
    t.after(() => sources.close())
    assert.equal(sources.decision()?.epoch, 7)
  })
})

async function startWriter(t: TestContext, log: MemoryLog) {
  const checkpoint = createCheckpoint({ journal: memoryJournal(log), log: quiet })
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  checkpoint.lead()
  await until(() => checkpoint.phase === 'active', 'the writer leads')
  return (decision: Decision) =>
    checkpoint.transact(() => {
      checkpoint.map<Decision & { direct: boolean }>('decisions').set('0', { ...decision, direct: true })
    })
}

function startReader(
  t: TestContext,
  ports: () => { journal: ReturnType<typeof memoryJournal> },
  time: Time = realTime,
) {
  const read: Decision[] = []
  const lines: { event?: string; level: number }[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const journal = new DecisionJournal({ ports, read: (decision) => void read.push(decision), log, time })
  t.after(() => journal.close())
  return { journal, read, lines }
}

describe('the journal of decisions, read', () => {
  it('tells the decision in force, and each that follows, and writes nothing', async (t) => {
    const log = createMemoryLog()
    const record = await startWriter(t, log)
    await record(decisionFor('a', 1))
    const { journal, read } = startReader(t, () => ({ journal: memoryJournal(log) }))
    journal.begin()
    await until(() => read.at(-1)?.epoch === 1, 'the decision in force')
    assert.deepEqual(read.at(-1), decisionFor('a', 1))
    const { length } = log.records
    await record(decisionFor('b', 2))
    await until(() => read.at(-1)?.epoch === 2, 'the next')
    assert.equal(log.records.length, length + 1)
  })

  it('tells nothing while it rests, and goes on when it begins again', async (t) => {
    const log = createMemoryLog()
    const record = await startWriter(t, log)
    await record(decisionFor('a', 1))
    let opened = 0
    const { journal, read } = startReader(t, () => {
      opened++
      return { journal: memoryJournal(log) }
    })
    journal.begin()
    journal.begin()
    await until(() => read.length > 0, 'the decision in force')
    assert.equal(opened, 1)
    journal.rest()
    const { length } = read
    await record(decisionFor('b', 2))
    for (let turns = 0; turns < 50; turns++) await turn()
    assert.equal(read.length, length)
    journal.begin()
    await until(() => read.at(-1)?.epoch === 2, 'what came meanwhile')
    assert.equal(opened, 2)
  })

  it('a journal that cannot be reached is no error: it is said once, and tried again', async (t) => {
    let opened = 0
    const time = new VirtualTime()
    const ports = () => {
      opened++
      const closed = memoryJournal(createMemoryLog(), time)
      closed.open = () => Promise.reject(new CheckpointError('JOURNAL_UNREACHABLE', 'nobody there'))
      return { journal: closed }
    }
    const { journal, lines } = startReader(t, ports, time)
    journal.begin()
    await time.pass(60_000)
    assert.ok(opened > 3 && opened < 12, `it was tried ${opened} times in a minute`)
    assert.equal(lines.filter(({ event }) => event === 'decisions-unread').length, 1)
    assert.ok(lines.every(({ level }) => level < 50))
    journal.rest()
    await time.pass(60_000) // in which it ends
    assert.equal(time.waiting, 0)
  })
})
