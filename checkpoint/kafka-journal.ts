/**
 * The journal on one partition of a Kafka topic, through kafkajs, which is not trusted: its known faults are worked around in this file,
 * `kafka-tail.ts` and `kafka-client.ts`, and nowhere else.
 *
 * - A *non-idempotent* producer, `acks: -1`, no retries: its idempotent one can resolve though nothing was stored (kafkajs #1005) and
 *   refuses `retries: 0`. A deadline on each append, and a fresh producer after any error, because `send()` may never reconnect (#919).
 * - The end comes from an offsets request, never from a fetch's high watermark.
 */
import kafkajs, { type Admin, type Producer } from 'kafkajs'
import { CheckpointError } from './errors.ts'
import { slowChecksum } from './faster-checksum.ts'
import type { Journal, RecordListener, Tail } from './journal.ts'
import { KafkaClient, type KafkaClientOptions } from './kafka-client.ts'
import { journalSettings, replication, type TopicFacts, unsafeSettings } from './kafka-settings.ts'
import { KafkaTail } from './kafka-tail.ts'

export interface KafkaJournalOptions extends KafkaClientOptions {
  readonly topic: string
}

/** How long connecting, or an admin request, may take, milliseconds. */
const adminDeadlineMs = 5_000

/** Makes a journal on a Kafka topic. Nothing is connected before `open`. */
export function kafkaJournal(options: KafkaJournalOptions): Journal {
  return new KafkaJournal(options)
}

/** A client that was asked to connect. */
interface Connecting<C extends { connect(): Promise<void>; disconnect(): Promise<void> }> {
  readonly owner: KafkaClient<C>
  readonly ready: Promise<C>
}

class KafkaJournal implements Journal {
  readonly #options: KafkaJournalOptions
  readonly #closing = new AbortController()
  #admin: Connecting<Admin> | null = null
  #producer: Connecting<Producer> | null = null
  #tail: KafkaTail | null = null

  constructor(options: KafkaJournalOptions) {
    this.#options = options
  }

  async open(): Promise<void> {
    const { topic, log } = this.#options
    if (slowChecksum !== null) log.debug({ reason: slowChecksum }, 'kafkajs computes its checksums itself')
    try {
      const facts = (await this.#withAdmin((admin) => describeTopic(admin, topic))) ?? (await this.#createTopic())
      const problems = unsafeSettings(facts)
      if (problems.length > 0) {
        const message = `the Kafka topic ${topic} is not safe for a journal: ${problems.join('; ')}`
        throw new CheckpointError('JOURNAL_UNSAFE', message)
      }
      await this.#within(this.#connectedProducer().ready, adminDeadlineMs)
    } catch (cause) {
      this.#retireProducer(this.#producer)
      throw this.#unreachable('open the journal', cause)
    }
  }

  async append(value: Uint8Array, deadlineMs: number): Promise<number> {
    const { topic } = this.#options
    const producer = this.#connectedProducer()
    let expired = false
    try {
      const sending = producer.ready.then((client) => {
        if (expired) throw new Error('connected too late')
        const message = { key: null, value: asBuffer(value), partition: 0 }
        return client.send({ topic, acks: -1, timeout: Math.max(1, Math.round(deadlineMs)), messages: [message] })
      })
      const [answer] = await this.#within(sending, deadlineMs)
      return Number(answer?.baseOffset ?? -1)
    } catch (cause) {
      expired = true
      this.#retireProducer(producer)
      throw this.#unreachable('append', cause)
    }
  }

  async tail(from: number, onRecords: RecordListener): Promise<Tail> {
    if (this.#tail) throw new Error('assertion: one tail per journal')
    this.#tail = new KafkaTail(this.#options, from, onRecords)
    return this.#tail
  }

  async start(): Promise<number> {
    return Number((await this.#offsets()).low)
  }

  async end(): Promise<number> {
    return Number((await this.#offsets()).high)
  }

  async truncate(before: number): Promise<void> {
    const { topic } = this.#options
    const partitions = [{ partition: 0, offset: String(before) }]
    await this.#withAdmin((admin) => admin.deleteTopicRecords({ topic, partitions }))
  }

  async close(): Promise<void> {
    this.#closing.abort(new CheckpointError('STOPPED', 'the journal was closed'))
    const clients = [this.#admin, this.#producer]
    this.#admin = null
    this.#producer = null
    await Promise.all([this.#tail?.close(), ...clients.map((client) => client?.owner.part())])
  }

  async #createTopic(): Promise<TopicFacts> {
    const { topic } = this.#options
    return this.#withAdmin(async (admin) => {
      const { replicas, inSyncMin } = replication((await admin.describeCluster()).brokers.length)
      const inSync = { name: 'min.insync.replicas', value: String(inSyncMin) }
      const configEntries = [...journalSettings, inSync].map(({ name, value }) => ({ name, value }))
      const wanted = { topic, numPartitions: 1, replicationFactor: replicas, configEntries }
      await admin.createTopics({ waitForLeaders: true, topics: [wanted] })
      const facts = await describeTopic(admin, topic)
      if (!facts) throw new Error(`the topic ${topic} was created and is not there yet`)
      return facts
    })
  }

  async #offsets(): Promise<{ low: string; high: string }> {
    const { topic } = this.#options
    try {
      const [partition] = await this.#withAdmin((admin) => admin.fetchTopicOffsets(topic))
      if (!partition) throw new Error(`no offsets for ${topic}`)
      return partition
    } catch (cause) {
      throw this.#unreachable('read its offsets', cause)
    }
  }

  async #withAdmin<R>(work: (admin: Admin) => Promise<R>): Promise<R> {
    this.#closing.signal.throwIfAborted()
    this.#admin ??= connecting(new KafkaClient(this.#options, (kafka) => kafka.admin()))
    const current = this.#admin
    try {
      return await this.#within(current.ready.then(work), adminDeadlineMs)
    } catch (error) {
      if (this.#admin === current) this.#admin = null
      void current.owner.part()
      throw error
    }
  }

  #connectedProducer(): Connecting<Producer> {
    this.#closing.signal.throwIfAborted()
    this.#producer ??= connecting(
      new KafkaClient(this.#options, (kafka) =>
        kafka.producer({ allowAutoTopicCreation: false, idempotent: false, retry: { retries: 0 } }),
      ),
    )
    return this.#producer
  }

  /** Lets a producer go, unless a later one took its place. */
  #retireProducer(used: Connecting<Producer> | null): void {
    if (used === null || used !== this.#producer) return
    this.#producer = null
    void used.owner.part()
  }

  async #within<R>(promise: Promise<R>, deadlineMs: number): Promise<R> {
    const { signal } = this.#closing
    return new Promise<R>((resolve, reject) => {
      const late = () => reject(new Error(`no answer within ${Math.round(deadlineMs)} ms`))
      const timer = setTimeout(late, deadlineMs)
      const onAbort = () => reject(signal.reason as Error)
      signal.addEventListener('abort', onAbort, { once: true })
      promise.then(resolve, reject).finally(() => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      })
    })
  }

  #unreachable(what: string, cause: unknown): CheckpointError {
    if (cause instanceof CheckpointError) return cause
    const { brokers, topic } = this.#options
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `could not ${what} (topic ${topic} on ${brokers.join(', ')}): ${reason}`
    return new CheckpointError('JOURNAL_UNREACHABLE', message, cause)
  }
}

function connecting<C extends { connect(): Promise<void>; disconnect(): Promise<void> }>(
  owner: KafkaClient<C>,
): Connecting<C> {
  const ready = owner.client.connect().then(() => owner.client)
  ready.catch(() => undefined) // whoever uses it is told
  return { owner, ready }
}

async function describeTopic(admin: Admin, topic: string): Promise<TopicFacts | null> {
  if (!(await admin.listTopics()).includes(topic)) return null
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const { brokers } = await admin.describeCluster()
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
  const partitions = topics[0]?.partitions ?? []
  const entries = resources[0]?.configEntries ?? []
  return {
    brokers: brokers.length,
    partitions: partitions.length,
    replicas: partitions[0]?.replicas.length ?? 0,
    settings: new Map(entries.map(({ configName, configValue }) => [configName, configValue])),
  }
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
