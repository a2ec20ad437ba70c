/** Kafka fails, in part or as a whole. */
import kafkajs from 'kafkajs'
import type { Row } from '../row.ts'
import { shapes } from '../shapes.ts'
import type { Stage } from '../stage.ts'

const downMs = 1_000
const hangMs = 3_000

async function withAdmin<Value>(stage: Stage, work: (admin: kafkajs.Admin) => Promise<Value>): Promise<Value> {
  const { brokers } = stage.system.kafka
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Index of the broker that leads the journal's partition. */
async function journalLeader(stage: Stage): Promise<number> {
  const topic = `${stage.system.topicPrefix}.journal.0`
  const { topics } = await withAdmin(stage, (admin) => admin.fetchTopicMetadata({ topics: [topic] }))
  return topics[0]!.partitions[0]!.leader - 1
}

async function killBroker(stage: Stage, index: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  stage.note(`${signal} to broker ${index + 1}`)
  stage.system.signalBroker(index, signal)
  await stage.pause(downMs)
  await stage.untilServed()
  stage.note(`start broker ${index + 1}`)
  await stage.system.runBroker(index)
  stage.note(`broker ${index + 1} is back`)
}

const brokers = { shape: shapes.brokers, allowance: 'nothing', promise: 'a pause' } as const

export const kafkaRows: readonly Row[] = [
  {
    ...brokers,
    name: 'broker-dies',
    event: 'Kafka: one of three brokers dies, which does not lead the journal',
    run: async (stage) => killBroker(stage, ((await journalLeader(stage)) + 1) % 3),
  },
  {
    ...brokers,
    name: 'leading-broker-dies',
    event: 'Kafka: the broker that leads the journal dies',
    run: async (stage) => killBroker(stage, await journalLeader(stage)),
  },
  {
    ...brokers,
    name: 'leader-moves',
    event: 'Kafka: the leader of the journal moves, in good order',
    run: async (stage) => {
      const topic = `${stage.system.topicPrefix}.journal.0`
      const before = (await journalLeader(stage)) + 1
      const others = [1, 2, 3].filter((id) => id !== before)
      // To leave a partition its leader has to hand it over; then all three keep it again.
      for (const replicas of [others, [...others, before]]) {
        stage.note(`the journal is to be on the brokers ${replicas.join(', ')}`)
        await withAdmin(stage, (admin) =>
          admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment: [{ partition: 0, replicas }] }] }),
        )
        await stage.until('the reassignment', async () => {
          const { topics } = await withAdmin(stage, (admin) => admin.fetchTopicMetadata({ topics: [topic] }))
          return topics[0]!.partitions[0]!.isr.length === replicas.length && topics[0]!.partitions[0]!.leader !== before
        })
        await stage.untilServed()
      }
    },
  },
  {
    name: 'kafka-down',
    event: 'Kafka: all down, back later',
    promise: 'writes held, then 503 with Retry-After; then all resumes',
    allowance: 'refusals',
    shape: shapes.usual,
    run: async (stage) => {
      stage.note('kill -9 Kafka')
      stage.system.signalBroker(0)
      await stage.until('requests to be refused', () =>
        stage.traffic.troubles.some(({ type }) => type === 'refused' || type === 'undecided'),
      )
      stage.note('requests are refused; start Kafka')
      await stage.system.runBroker(0)
      stage.note('Kafka is back')
      await stage.untilServed()
    },
  },
  {
    name: 'kafka-hangs',
    event: 'Kafka: hangs (SIGSTOP) for three seconds',
    promise: 'a pause',
    allowance: 'nothing',
    shape: shapes.usual,
    run: async (stage) => {
      stage.note('SIGSTOP to Kafka')
      stage.system.signalBroker(0, 'SIGSTOP')
      await stage.pause(hangMs)
      stage.note('SIGCONT to Kafka')
      stage.system.signalBroker(0, 'SIGCONT')
      await stage.untilServed()
    },
  },
  {
    name: 'everything-killed',
    event: 'everything is `kill -9`ed at once, Kafka too, then started again',
    promise: 'down until up',
    allowance: 'outage',
    shape: shapes.usual,
    run: async (stage) => {
      const { names } = stage.system
      stage.note('kill -9 Kafka')
      stage.system.signalBroker(0)
      stage.kill(...names)
      await Promise.all(names.map((name) => stage.system.ended(name)))
      await Promise.all([stage.system.runBroker(0), stage.start(...names)])
      await stage.untilServed()
    },
  },
]
