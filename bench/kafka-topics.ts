/** Topics for measurements: with a journal's settings, whoever writes to them. */
import kafkajs from 'kafkajs'
import { journalTopic } from '../checkpoint/kafka-settings.ts'

/** Creates a topic of one partition with a journal's settings, and `settings` beyond them. */
export async function createTopic(
  brokers: readonly string[],
  topic: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const all = [...journalTopic.settings, ...Object.entries(settings).map(([name, value]) => ({ name, value }))]
  const configEntries = all.map(({ name, value }) => ({ name, value }))
  const description = { topic, numPartitions: 1, replicationFactor: 1, configEntries }
  await withAdmin(brokers, (admin) => admin.createTopics({ waitForLeaders: true, topics: [description] }))
}

export async function deleteTopic(brokers: readonly string[], topic: string): Promise<void> {
  await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }))
}

/** The offset that the next record of the topic's one partition will get. */
export async function endOffset(brokers: readonly string[], topic: string): Promise<number> {
  const [partition] = await withAdmin(brokers, (admin) => admin.fetchTopicOffsets(topic))
  return Number(partition?.high ?? -1)
}

async function withAdmin<Result>(brokers: readonly string[], work: (admin: kafkajs.Admin) => Promise<Result>) {
  const kafka = new kafkajs.Kafka({ clientId: 'bench', brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}
