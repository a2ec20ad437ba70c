import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
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
