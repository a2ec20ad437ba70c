import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import pino from 'pino'
import { type Checkpoint, type CheckpointError, createCheckpoint, journalPorts } from '../checkpoint/index.ts'
import { complete, decodeGenerations } from '../checkpoint/snapshot-manifest.ts'
import { type LocalKafka, startKafka } from '../compose/kafka/kafka.ts'
import { needsKafka } from './needs.ts'

let kafka: LocalKafka // unset where there is no Java or Maven, and then no test runs

before(async () => {
  if (!needsKafka.skip) kafka = await startKafka({ port: 0, brokers: 1, log: pino({ level: 'silent' }) })
})
after(() => kafka?.stop())

/** Processes over one journal on Kafka, and what they logged. */
function world(t: TestContext) {
  const topic = `restore.${randomUUID()}`
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const ports = () => journalPorts({ kafka: kafka.brokers, topic, clientId: 'test', log })
  const make = (node: string, snapshotTailBytes = 60_000) => {
    const limits = { snapshotTailBytes, snapshotDelayMs: 1 }
    const checkpoint = createCheckpoint({ ...ports(), node, log, limits, standbys: () => 0 })
    t.after(() => checkpoint.close(0))
    return checkpoint
  }
  const manifests = async () => {
    const { snapshots, journal } = ports()
    await snapshots.open()
    const found = complete(decodeGenerations(await snapshots.manifests()))
    await Promise.all([snapshots.close(), journal.close()])
    return found
  }
  return { topic, lines, make, ports, manifests }
}

async function leading(checkpoint: Checkpoint, epoch?: number): Promise<Checkpoint> {
  await checkpoint.start()
  checkpoint.lead(epoch)
  assert.equal(await checkpoint.whenLeading(10_000), true)
  return checkpoint
}

async function write(leader: Checkpoint, round: number): Promise<void> {
  const map = leader.map<string>('m')
  await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      leader.transact(() => map.set(`k${(round * 7 + index) % 400}`, `${round} ${'x'.repeat(90)}`)),
    ),
  )
  await leader.transact(() => map.delete(`k${round % 400}`))
  await leader.openSession()
}

async function writeUntilTruncated(leader: Checkpoint, lines: Record<string, unknown>[]): Promise<void> {
  for (let round = 0; !lines.some(({ event }) => event === 'truncated'); round++) {
    assert.ok(round < 2_000, 'the journal is truncated')
    await write(leader, round)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test(
  'on Kafka: a start from snapshot and tail gives the exact state, and the journal was truncated',
  needsKafka,
  async (t) => {
    const { lines, make, ports } = world(t)
    const leader = await leading(make('a'))
    await writeUntilTruncated(leader, lines)
    await write(leader, 1)
    const { journal, snapshots } = ports()
    await journal.open()
    const start = await journal.start()
    await Promise.all([journal.close(), snapshots.close()])
    assert.ok(start > 0)
    const next = make('b')
    await next.start()
    await leader.read(() => undefined)
    while (next.status().offset < leader.status().offset) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(next.snapshot(), leader.snapshot())
    assert.ok(lines.some(({ event, offset }) => event === 'restored' && Number(offset) >= start))
  },
)

test(
  'on Kafka: a journal truncated to its newest snapshot is enough; truncated beyond it is refused',
  needsKafka,
  async (t) => {
    const { lines, make, ports, manifests } = world(t)
    const leader = await leading(make('a'))
    await writeUntilTruncated(leader, lines)
    const { journal, snapshots } = ports()
    await journal.open()
    const [newest] = await manifests()
    await journal.truncate(newest!.start.offset)
    const late = make('b')
    await late.start()
    assert.deepEqual(late.snapshot(), leader.snapshot())
    await leader.close()
    await late.close()
    const beyond = newest!.start.offset + 1
    await journal.truncate(beyond)
    await Promise.all([journal.close(), snapshots.close()])
    await assert.rejects(make('c').start(), (error: CheckpointError) => {
      assert.equal(error.code, 'HISTORY_LOST')
      assert.match(error.message, new RegExp(`starts at offset ${beyond} .*${newest!.generation}`))
      return true
    })
  },
)

test('on Kafka: who is killed while writing a snapshot leaves nothing that anybody reads', needsKafka, async (t) => {
  const { topic, make, lines, manifests } = world(t)
  const leader = await leading(make('a', 1_000_000_000))
  for (let round = 0; round < 40; round++) await write(leader, round)
  const child = fork(join(import.meta.dirname, 'snapshot-victim.ts'), [kafka.brokers.join(), topic])
  t.after(() => child.kill('SIGKILL'))
  const [written] = await once(child, 'message')
  assert.equal(written, 'a chunk is written')
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.deepEqual(await manifests(), [])
  const next = make('b')
  await next.start()
  await leader.read(() => undefined)
  while (next.status().offset < leader.status().offset) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(next.snapshot(), leader.snapshot())
  assert.ok(lines.some(({ event, why }) => event === 'snapshot' && why === 'it was never finished'))
})

test(
  'on Kafka: a standby whose next record was truncated away restores again in process, and goes on',
  needsKafka,
  async (t) => {
    const { lines, make, ports } = world(t)
    const leader = await leading(make('a'))
    await write(leader, 0)
    const { journal, snapshots } = ports()
    const { tail } = journal
    let held: Promise<void> | null = null
    journal.tail = (from, onRecords) =>
      tail.call(journal, from, async (records) => {
        await held
        await onRecords(records)
      })
    const slow = createCheckpoint({ journal, snapshots, node: 'slow', log: pino({ level: 'silent' }) })
    t.after(() => slow.close(0))
    await slow.start()
    const released = Promise.withResolvers<void>()
    held = released.promise
    await writeUntilTruncated(leader, lines)
    const phases: string[] = []
    slow.on('phase', (phase) => phases.push(phase))
    held = null
    released.resolve()
    while (!phases.includes('standby')) await new Promise((resolve) => setTimeout(resolve, 10))
    await write(leader, 1)
    await leader.read(() => undefined)
    while (slow.status().offset < leader.status().offset) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(phases, ['starting', 'standby'])
    assert.deepEqual(slow.snapshot(), leader.snapshot())
  },
)
