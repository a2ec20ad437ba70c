/** The simulated brokers keep the contracts of the ports that production code relies on: a world must not be harder than the real one, nor easier. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { journalConformance } from '../../checkpoint/journal-conformance.ts'
import { snapshotStoreConformance } from '../../checkpoint/snapshot-store-conformance.ts'
import { type BrokerWeather, calmBrokers, SimLog } from './kafka.ts'
import { Kernel } from './kernel.ts'
import { macrotask } from './microtasks.ts'
import { Network } from './network.ts'
import { SimProcess } from './process.ts'
import { streamOf } from './random.ts'
import { SimJournal } from './sim-journal.ts'
import { SimSnapshots, SimSnapshotTopic } from './snapshots.ts'

const clock = { rate: 1, wallMs: 0, stoodStillMs: 0 }

/** Brokers, and a kernel that `run` lets time pass in. */
function brokers(weather: Partial<BrokerWeather> = {}) {
  const kernel = new Kernel(false)
  const network = new Network(kernel, streamOf(1, 'network'), { latencyMs: [0.1, 0.5], slowShare: 0, slowMs: 0 })
  const counts: string[] = []
  const options = {
    network,
    weather: { ...calmBrokers({ append: 0.2, fetch: 0 }), ...weather },
    random: streamOf(1, 'brokers'),
    count: (kind: string) => void counts.push(kind),
  }
  const process = (name: string) => new SimProcess(kernel, name, `${name}#1`, clock, 1)
  return { kernel, network, options, process, counts }
}

/** As above, for tests that wait in real time: virtual time passes beside it. */
function running(t: TestContext) {
  const world = brokers()
  const timer = setInterval(() => world.kernel.run(world.kernel.nowMs + 5), 1)
  t.after(() => clearInterval(timer))
  return world
}

journalConformance('simulated', async (t) => {
  const { options, process } = running(t)
  const log = new SimLog('shard')
  let names = 0
  return async () => {
    const journal = new SimJournal(options, log, process(`p${++names}`))
    t.after(() => journal.close())
    await journal.open()
    return journal
  }
})

snapshotStoreConformance('simulated', async (t) => {
  const { options, process } = running(t)
  const topic = new SimSnapshotTopic()
  let names = 0
  return async () => {
    const store = new SimSnapshots(options, topic, process(`p${++names}`), 0)
    t.after(() => store.close())
    await store.open()
    return store
  }
})

/** Appends once, lets `forMs` pass, and tells what came of it. */
async function appendOnce(world: ReturnType<typeof brokers>, forMs: number) {
  const log = new SimLog('shard')
  const journal = new SimJournal(world.options, log, world.process('p'))
  let told: unknown = 'nothing'
  const began = journal.append(new Uint8Array([1]), 100)
  began.then(
    (offset) => {
      told = offset
    },
    (error: { code: string }) => {
      told = error.code
    },
  )
  await macrotask(() => world.kernel.run(forMs))
  return { log, told }
}

test('an append that is given up may land later: a zombie', async () => {
  const world = brokers({ lateShare: 1, lateMs: 2_000 })
  const { log, told } = await appendOnce(world, 101)
  assert.equal(told, 'JOURNAL_UNREACHABLE')
  assert.equal(log.records.length, 0)
  await macrotask(() => world.kernel.run(3_000))
  assert.equal(log.records.length, 1)
})

test('an answer may be lost of an append that landed, and an append of which nothing is heard', async () => {
  const lost = await appendOnce(brokers({ answerLostShare: 1 }), 101)
  assert.deepEqual([lost.told, lost.log.records.length], ['JOURNAL_UNREACHABLE', 1])
  const dropped = await appendOnce(brokers({ dropShare: 1 }), 5_000)
  assert.deepEqual([dropped.told, dropped.log.records.length], ['JOURNAL_UNREACHABLE', 0])
})

test('a false answer is one that its reader can know for false', async () => {
  const { told, log } = await appendOnce(brokers({ lyingShare: 1 }), 50)
  assert.deepEqual([told, log.records.length], [-1, 1])
})

test('an append that was meant for a topic does not land in the one made anew', async () => {
  const world = brokers({ lateShare: 1, lateMs: 200 })
  const { log } = await appendOnce(world, 20)
  log.lose()
  await macrotask(() => world.kernel.run(1_000))
  assert.equal(log.records.length, 0)
})

test('who is cut off from the brokers is not answered, and reads nothing', async () => {
  const world = brokers()
  world.network.cut('p', 'kafka', 1_000)
  const { told } = await appendOnce(world, 500)
  assert.equal(told, 'JOURNAL_UNREACHABLE')
})
