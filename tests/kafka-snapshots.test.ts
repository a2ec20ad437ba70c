import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import kafkajs from 'kafkajs'
import pino from 'pino'
import { CheckpointError, kafkaSnapshots } from '../checkpoint/index.ts'
import { snapshotStoreConformance } from '../checkpoint/snapshot-store-conformance.ts'
import { type LocalKafka, startKafka } from '../compose/kafka/kafka.ts'
import { needsKafka } from './needs.ts'

const log = pino({ level: 'silent' })
let kafka: LocalKafka // unset where there is no Java or Maven, and then no test runs

before(async () => {
  if (!needsKafka.skip) kafka = await startKafka({ port: 0, brokers: 1, log })
})
after(() => kafka?.stop())

const storeOn = (topic: string) => kafkaSnapshots({ brokers: kafka.brokers, topic, clientId: 'test', log })

snapshotStoreConformance(
  'kafka',
  async (t) => {
    const topic = `snapshots.${randomUUID()}`
    return async () => {
      const store = storeOn(topic)
      t.after(() => store.close())
      await store.open()
      return store
    }
  },
  needsKafka,
)

test('a snapshot topic that Kafka would empty is refused', needsKafka, async () => {
  const topic = `unsafe.${randomUUID()}`
  const admin = new kafkajs.Kafka({ brokers: kafka.brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] })
  await admin.disconnect()
  const store = storeOn(topic)
  await assert.rejects(store.open(), (error) => {
    assert.ok(error instanceof CheckpointError)
    assert.equal(error.code, 'JOURNAL_UNSAFE')
    assert.match(error.message, /1 partitions and must have 2.*cleanup\.policy is delete/)
    return true
  })
  await store.close()
})
