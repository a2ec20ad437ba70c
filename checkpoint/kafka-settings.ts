/**
 * The Kafka settings under which a topic of ours is safe. A topic is created with them; one that exists is checked and what is unsafe is
 * refused: with Kafka's defaults a journal would be eaten after seven days, or lose acknowledged records at an election.
 */

/** What must hold of a topic, by what it is for. */
export interface TopicKind {
  /** What it is, for people. */
  readonly name: string
  readonly partitions: number
  readonly partitionsWhy: string
  /** A setting, the value it is created with, and what would happen otherwise; `preferred` ones are not insisted on. */
  readonly settings: readonly {
    readonly name: string
    readonly value: string
    readonly why: string
    readonly preferred?: true
  }[]
}

const noUncleanElection = {
  name: 'unclean.leader.election.enable',
  value: 'false',
  why: 'an election could lose acknowledged records',
} as const

/** One ordered log, kept for ever. */
export const journalTopic = {
  name: 'a journal',
  partitions: 1,
  partitionsWhy: 'a journal is one ordered log',
  settings: [
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
    noUncleanElection,
    // Kafka frees whole segments only, and fills one of a gigabyte first.
    {
      name: 'segment.bytes',
      value: String(64 * 1024 * 1024),
      why: 'what was truncated would stay on the disk',
      preferred: true,
    },
  ],
} as const satisfies TopicKind

/** Manifests in partition 0, which is read whole, and chunks in partition 1. Compacted, so that what is forgotten leaves the disk. */
export const snapshotTopic = {
  name: 'snapshots',
  partitions: 2,
  partitionsWhy: 'manifests are kept in one and chunks in the other',
  settings: [
    {
      name: 'cleanup.policy',
      value: 'compact',
      why: 'Kafka would delete the only copy of what the journal no longer has',
    },
    noUncleanElection,
    // What is forgotten stays until its segment is closed: small ones, cleaned early.
    { name: 'segment.bytes', value: String(16 * 1024 * 1024), why: 'old generations would stay long', preferred: true },
    { name: 'segment.ms', value: '600000', why: 'old generations would stay long', preferred: true },
    { name: 'min.cleanable.dirty.ratio', value: '0.1', why: 'old generations would stay long', preferred: true },
    { name: 'delete.retention.ms', value: '600000', why: 'tombstones would stay long', preferred: true },
  ],
} as const satisfies TopicKind

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
export function unsafeSettings(topic: TopicFacts, kind: TopicKind): string[] {
  const problems: string[] = []
  if (topic.partitions !== kind.partitions) {
    problems.push(`it has ${topic.partitions} partitions and must have ${kind.partitions}: ${kind.partitionsWhy}`)
  }
  for (const { name, value, why, preferred } of kind.settings) {
    const found = topic.settings.get(name)
    if (found !== value && !preferred) problems.push(`${name} is ${found} and must be ${value}: ${why}`)
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
