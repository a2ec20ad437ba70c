import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import kafkajs from 'kafkajs'
import pino from 'pino'
import { CheckpointError, createCheckpoint, kafkaJournal } from '../checkpoint/index.ts'
import { journalConformance } from '../checkpoint/journal-conformance.ts'
import { type LocalKafka, startKafka } from '../compose/kafka/kafka.ts'
import { needsKafka } from './needs.ts'

const log = pino({ level: 'silent' })
let kafka: LocalKafka // unset where there is no Java or Maven, and then no test runs

before(async () => {
  if (!needsKafka.skip) kafka = await startKafka({ port: 0, brokers: 1, log })
})
after(() => kafka?.stop())

const journalOn = (topic: string) => kafkaJournal({ brokers: kafka.brokers, topic, clientId: 'test', log })

journalConformance(
  'kafka',
  async (t) => {
    const topic = `conformance.${randomUUID()}`
    return async () => {
      const journal = journalOn(topic)
      t.after(() => journal.close())
      await journal.open()
      return journal
    }
  },
  needsKafka,
)

async function withAdmin<R>(work: (admin: kafkajs.Admin) => Promise<R>): Promise<R> {
  const admin = new kafkajs.Kafka({ brokers: kafka.brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

test('a topic with settings that would lose state is refused, and each is named', needsKafka, async () => {
  const topic = `unsafe.${randomUUID()}`
  await withAdmin((admin) =>
    admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: 2, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    }),
  )
  const journal = journalOn(topic)
  await assert.rejects(journal.open(), (error) => {
    assert.ok(error instanceof CheckpointError)
    assert.equal(error.code, 'JOURNAL_UNSAFE')
    for (const word of ['2 partitions', 'cleanup.policy', 'retention.ms', 'message.timestamp.type'])
      assert.match(error.message, new RegExp(word))
    return true
  })
  await journal.close()
})

test('a record that nobody can read stops the reader, and the offset is named', needsKafka, async () => {
  const topic = `unreadable.${randomUUID()}`
  const writer = journalOn(topic)
  await writer.open()
  await writer.append(new TextEncoder().encode('{"type":"claim","version":99}'), 5_000)
  await writer.close()
  const checkpoint = createCheckpoint({ journal: journalOn(topic), incarnation: 'i', node: 'n', log })
  await assert.rejects(
    checkpoint.start(),
    (error) =>
      error instanceof CheckpointError && error.code === 'JOURNAL_UNREADABLE' && /offset 0/.test(error.message),
  )
  await checkpoint.close()
})

test('a Kafka that is not there is one clear error after the start deadline', needsKafka, async () => {
  const journal = kafkaJournal({ brokers: ['127.0.0.1:1'], topic: 't', clientId: 'test', log })
  const checkpoint = createCheckpoint({ journal, incarnation: 'i', node: 'n', log, limits: { startDeadlineMs: 300 } })
  await assert.rejects(
    checkpoint.start(),
    (error) =>
      error instanceof CheckpointError && error.code === 'JOURNAL_UNREACHABLE' && /127\.0\.0\.1:1/.test(error.message),
  )
  await checkpoint.close()
})

/** What consumers of this process do from now on: how often they joined a group, and the first offset of each batch they fetched. */
function watchConsumers(t: TestContext): { joins: number; firstOffsets: number[] } {
  const seen = { joins: 0, firstOffsets: [] as number[] }
  const consumer = kafkajs.Kafka.prototype.consumer
  t.mock.method(kafkajs.Kafka.prototype, 'consumer', function (this: kafkajs.Kafka, config: kafkajs.ConsumerConfig) {
    const made = consumer.call(this, config)
    made.on(made.events.GROUP_JOIN, () => void seen.joins++)
    made.on(made.events.START_BATCH_PROCESS, ({ payload }) => void seen.firstOffsets.push(Number(payload.firstOffset)))
    return made
  })
  return seen
}

/** Has the group forget its members, as a coordinator does that is replaced: a LeaveGroup request (version 0) in their name. */
async function evictAll(groupPrefix: string): Promise<void> {
  const groups = await withAdmin(async (admin) => {
    const ids = (await admin.listGroups()).groups.map(({ groupId }) => groupId)
    return (await admin.describeGroups(ids.filter((id) => id.startsWith(groupPrefix)))).groups
  })
  const text = (value: string) =>
    Buffer.concat([Buffer.from([value.length >> 8, value.length & 255]), Buffer.from(value)])
  const [host, port] = kafka.brokers[0]!.split(':')
  for (const { groupId, members } of groups)
    for (const { memberId } of members) {
      const request = Buffer.concat([
        Buffer.from([0, 13, 0, 0, 0, 0, 0, 1]),
        text('test'),
        text(groupId),
        text(memberId),
      ])
      const size = Buffer.alloc(4)
      size.writeInt32BE(request.length)
      const socket = connect(Number(port), host!)
      socket.write(Buffer.concat([size, request]))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      assert.equal(answer.readInt16BE(8), 0, 'the error code of the answer')
      socket.destroy()
    }
}

test(
  'a tail that has to join its group again goes on from where it was, and fetches nothing twice',
  needsKafka,
  async (t) => {
    const topic = `rejoined.${randomUUID()}`
    const journal = journalOn(topic)
    t.after(() => journal.close())
    await journal.open()
    const records = 20
    for (let count = 0; count < records; count++) await journal.append(new Uint8Array(8), 5_000)
    const seen = watchConsumers(t)
    let next = 0
    const until = async (what: string, holds: () => boolean) => {
      const deadlineMs = performance.now() + 20_000
      while (!holds()) {
        assert.ok(performance.now() < deadlineMs, what)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    await journal.tail(0, (batch) => {
      for (const { offset } of batch) next = Math.max(next, offset + 1)
    })
    await until('read to the end', () => next === records)
    const fetchedBefore = seen.firstOffsets.length
    await evictAll(`${topic}-tail-`)
    const { now } = Date
    t.mock.method(Date, 'now', () => now() + 6_000) // kafkajs asks the coordinator every five seconds by this clock
    await until('joined again', () => seen.joins === 2)
    await journal.append(new Uint8Array(8), 5_000)
    await until('read on', () => next === records + 1)
    assert.deepEqual(seen.firstOffsets.slice(fetchedBefore), [records])
  },
)

test('a journal whose end is asked for afresh asks through a client made for it', needsKafka, async (t) => {
  const journal = journalOn(`afresh.${randomUUID()}`)
  t.after(() => journal.close())
  await journal.open()
  await journal.append(new Uint8Array(8), 5_000)
  const made = t.mock.method(kafkajs.Kafka.prototype, 'admin').mock
  for (const [afresh, clients] of [
    [false, 0],
    [true, 1],
    [false, 1],
    [true, 2],
  ] as const) {
    assert.equal(await journal.end(afresh), 1)
    assert.equal(made.callCount(), clients)
  }
})
