/**
 * The Kafka settings under which a journal is safe. A topic is created with them; one that exists is checked and what is unsafe is refused:
 * with Kafka's defaults a journal would be eaten after seven days, or lose acknowledged records at an election.
 */

/** What must hold of a journal's topic: its setting, the value required, and what would happen otherwise. */
export const journalSettings = [
  {
    name: 'cleanup.policy',
    value: 'delete',
    why: 'compaction would keep a void record and remove the valid one before it',
  },
  { name: 'retention.ms', value: '-1', why: 'Kafka would delete the state when it is old' },
  { name: 'retention.bytes', value: '-1', why: 'Kafka would delete the state when it is large' },
  {
    name: 'message.timestamp.type',
    value: 'LogAppendTime',
    why: 'record times would come from many clocks',
  },
  {
    name: 'unclean.leader.election.enable',
    value: 'false',
    why: 'an election could lose acknowledged records',
  },
] as const

/** A group of transactions is cut below this; the broker must accept it. */
export const messageBytesMin = 1_000_000

/** What Kafka says of a topic. */
export interface TopicFacts {
  readonly brokers: number
  readonly partitions: number
  readonly replicas: number
  readonly settings: ReadonlyMap<string, string>
}

/** Replicas and in-sync replicas for a cluster of so many brokers: three and two from three brokers on. */
export function replication(brokers: number): { replicas: number; inSyncMin: number } {
  return brokers >= 3 ? { replicas: 3, inSyncMin: 2 } : { replicas: 1, inSyncMin: 1 }
}

/** Everything that is unsafe about a topic, a sentence each; empty if it will do. */
export function unsafeSettings(topic: TopicFacts): string[] {
  const problems: string[] = []
  if (topic.partitions !== 1)
    problems.push(`it has ${topic.partitions} partitions and must have 1: a journal is one ordered log`)
  for (const { name, value, why } of journalSettings) {
    const found = topic.settings.get(name)
    if (found !== value) problems.push(`${name} is ${found} and must be ${value}: ${why}`)
  }
  const { replicas, inSyncMin } = replication(topic.brokers)
  if (topic.replicas < replicas) {
    problems.push(
      `it has ${topic.replicas} replicas and must have ${replicas} on ${topic.brokers} brokers: one disk could lose it`,
    )
  }
  if (Number(topic.settings.get('min.insync.replicas')) < inSyncMin) {
    problems.push(
      `min.insync.replicas is ${topic.settings.get('min.insync.replicas')} and must be ${inSyncMin}: an acknowledged record could be on one disk only`,
    )
  }
  const bytes = Number(topic.settings.get('max.message.bytes'))
  if (bytes < messageBytesMin)
    problems.push(`max.message.bytes is ${bytes} and must be at least ${messageBytesMin}: groups are cut just below`)
  return problems
}
