/**
 * One Kafka topic of ours: made with the settings it needs or refused, written to by a producer that is never trusted twice. kafkajs 2.2.4
 * is not taken at its word: its producer is not idempotent (a send could resolve though nothing was stored, #1005), does not retry, has a
 * deadline at each send, and is replaced after any error (`send()` may never reconnect, #919).
 */
import kafkajs, { type Admin, type Producer } from 'kafkajs'
import { CheckpointError } from './errors.ts'
import { slowChecksum } from './faster-checksum.ts'
import { KafkaClient, type KafkaClientOptions } from './kafka-client.ts'
import { replication, type TopicFacts, type TopicKind, unsafeSettings } from './kafka-settings.ts'

export interface KafkaTopicOptions extends KafkaClientOptions {
  readonly topic: string
}

/** How long connecting, or an admin request, may take, milliseconds. */
const adminDeadlineMs = 5_000

/** A client that was asked to connect. */
interface Connecting<C extends { connect(): Promise<void>; disconnect(): Promise<void> }> {
  readonly owner: KafkaClient<C>
  readonly ready: Promise<C>
}

export class KafkaTopic {
  readonly #options: KafkaTopicOptions
  readonly #kind: TopicKind
  readonly #closing = new AbortController()
  #messageBytesMax: number | undefined
  #admin: Connecting<Admin> | null = null
  /** The broker at which the last admin client began. */
  #askedLast: string | undefined
  #producer: Connecting<Producer> | null = null

  constructor(options: KafkaTopicOptions, kind: TopicKind) {
    this.#options = options
    this.#kind = kind
  }

  /** Most bytes of one record, known once it is open. */
  get messageBytesMax(): number | undefined {
    return this.#messageBytesMax
  }

  /** Makes the topic if it is missing, and connects the producer. @throws CheckpointError JOURNAL_UNSAFE, JOURNAL_UNREACHABLE */
  async open(): Promise<void> {
    const { topic, log } = this.#options
    if (slowChecksum !== null) log.debug({ reason: slowChecksum }, 'kafkajs computes its checksums itself')
    try {
      const facts = (await this.#withAdmin((admin) => describeTopic(admin, topic))) ?? (await this.#create())
      const problems = unsafeSettings(facts, this.#kind)
      if (problems.length > 0) {
        const message = `the Kafka topic ${topic} is not safe for ${this.#kind.name}: ${problems.join('; ')}`
        throw new CheckpointError('JOURNAL_UNSAFE', message)
      }
      this.#messageBytesMax = Number(facts.settings.get('max.message.bytes'))
      await this.within(this.#connectedProducer().ready, adminDeadlineMs)
    } catch (cause) {
      this.#retireProducer(this.#producer)
      throw this.unreachable(`open ${this.#kind.name}`, cause)
    }
  }

  /**
   * Writes one record, null for a tombstone; resolves with its offset when it is durable. A rejection says nothing about the outcome.
   * @throws CheckpointError JOURNAL_UNREACHABLE, STOPPED
   */
  async send(partition: number, key: string | null, value: Uint8Array | null, deadlineMs: number): Promise<number> {
    const { topic } = this.#options
    const producer = this.#connectedProducer()
    let expired = false
    try {
      const sending = producer.ready.then((client) => {
        if (expired) throw new Error('connected too late')
        const message = { key, value: value && asBuffer(value), partition }
        return client.send({ topic, acks: -1, timeout: Math.max(1, Math.round(deadlineMs)), messages: [message] })
      })
      const [answer] = await this.within(sending, deadlineMs)
      return Number(answer?.baseOffset ?? -1)
    } catch (cause) {
      expired = true
      this.#retireProducer(producer)
      throw this.unreachable('append', cause)
    }
  }

  /** The first offset that can be read, and the one that the next record will get, from an offsets request (never from a fetch). */
  async offsets(partition: number): Promise<{ low: number; high: number }> {
    const { topic } = this.#options
    try {
      const all = await this.#withAdmin((admin) => admin.fetchTopicOffsets(topic))
      const found = all.find((one) => one.partition === partition)
      if (!found) throw new Error(`no offsets for partition ${partition}`)
      return { low: Number(found.low), high: Number(found.high) }
    } catch (cause) {
      throw this.unreachable('read its offsets', cause)
    }
  }

  /** Lets the client go that asks for offsets, with what it took for the partitions' leaders. The next begins at another broker. */
  retireAdmin(): void {
    const retired = this.#admin
    this.#admin = null
    void retired?.owner.part()
  }

  /** The names of all topics there are; makes none. */
  async topics(): Promise<string[]> {
    try {
      return await this.#withAdmin((admin) => admin.listTopics())
    } catch (cause) {
      throw this.unreachable('list the topics', cause)
    }
  }

  /** Deletes every record of a partition below `before`. */
  async deleteRecords(partition: number, before: number): Promise<void> {
    const { topic } = this.#options
    const partitions = [{ partition, offset: String(before) }]
    try {
      await this.#withAdmin(async (admin) => {
        await admin.fetchTopicOffsets(topic) // a fresh admin does not know the topic's leader, and deleting does not ask
        await admin.deleteTopicRecords({ topic, partitions })
      })
    } catch (cause) {
      throw this.unreachable(`delete records below ${before}`, cause)
    }
  }

  /** Releases everything. What is under way is rejected. */
  async close(): Promise<void> {
    this.#closing.abort(new CheckpointError('STOPPED', `${this.#kind.name} was closed`))
    const clients = [this.#admin, this.#producer]
    this.#admin = null
    this.#producer = null
    await Promise.all(clients.map((client) => client?.owner.part()))
  }

  /** Settles with the promise, or rejects when the deadline has passed or the topic is closed. */
  async within<R>(promise: Promise<R>, deadlineMs: number): Promise<R> {
    const { signal } = this.#closing
    return new Promise<R>((resolve, reject) => {
      const late = () => reject(new Error(`no answer within ${Math.round(deadlineMs)} ms`))
      const timer = setTimeout(late, deadlineMs)
      const onAbort = () => reject(signal.reason as Error)
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      promise.then(resolve, reject).finally(() => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      })
    })
  }

  /** @throws CheckpointError STOPPED */
  mustBeOpen(): void {
    this.#closing.signal.throwIfAborted()
  }

  unreachable(what: string, cause: unknown): CheckpointError {
    if (cause instanceof CheckpointError) return cause
    const { brokers, topic } = this.#options
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `could not ${what} (topic ${topic} on ${brokers.join(', ')}): ${reason}`
    return new CheckpointError('JOURNAL_UNREACHABLE', message, cause)
  }

  async #create(): Promise<TopicFacts> {
    const { topic } = this.#options
    const { partitions, settings } = this.#kind
    return this.#withAdmin(async (admin) => {
      const { replicas, inSyncMin } = replication((await admin.describeCluster()).brokers.length)
      const inSync = { name: 'min.insync.replicas', value: String(inSyncMin) }
      const configEntries = [...settings, inSync].map(({ name, value }) => ({ name, value }))
      const wanted = { topic, numPartitions: partitions, replicationFactor: replicas, configEntries }
      await admin.createTopics({ waitForLeaders: true, topics: [wanted] })
      const facts = await describeTopic(admin, topic)
      if (!facts) throw new Error(`the topic ${topic} was created and is not there yet`)
      return facts
    })
  }

  async #withAdmin<R>(work: (admin: Admin) => Promise<R>): Promise<R> {
    this.mustBeOpen()
    this.#admin ??= connecting(new KafkaClient(this.#options, (kafka) => kafka.admin(), this.#askedLast))
    const current = this.#admin
    this.#askedLast = current.owner.askedFirst
    try {
      return await this.within(current.ready.then(work), adminDeadlineMs)
    } catch (error) {
      if (this.#admin === current) this.retireAdmin()
      else void current.owner.part()
      throw error
    }
  }

  #connectedProducer(): Connecting<Producer> {
    this.mustBeOpen()
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
