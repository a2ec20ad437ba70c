/**
 * The journal on one partition of a Kafka topic, through kafkajs, which is not trusted: its known faults are worked around here and nowhere else.
 *
 * - A *non-idempotent* producer, `acks: -1`, no retries: its idempotent one can resolve though nothing was stored (kafkajs #1005) and
 *   refuses `retries: 0`. A deadline on each append, and a fresh producer after any error, because `send()` may never reconnect (#919).
 * - The tail is a consumer in a group of one (there is no `assign()`, #373), positioned by `seek`; it can stall (#659), so
 *   `seek` here means a fresh consumer.
 * - The end comes from an offsets request, never from a fetch's high watermark.
 */
import { randomUUID } from 'node:crypto'
import kafkajs, { type Admin, type Consumer, type Kafka, type KafkaConfig, type Producer } from 'kafkajs'
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import type { Journal, RecordListener, Tail } from './journal.ts'
import { journalSettings, replication, type TopicFacts, unsafeSettings } from './kafka-settings.ts'
import { kafkaSocket } from './kafka-socket.ts'

export interface KafkaJournalOptions {
  /** Brokers to begin with, `HOST:PORT`. */
  readonly brokers: readonly string[]
  readonly topic: string
  /** Shown in the broker's logs and metrics. */
  readonly clientId: string
  readonly log: Logger
}

/** How long an admin request may take, milliseconds. */
const adminDeadlineMs = 5_000
/** How long a client that is given up on may take to go, milliseconds. */
const disconnectDeadlineMs = 1_000
/** First and longest pause before the tail is started again, milliseconds. */
const tailPauseMs = { first: 50, max: 2_000 }
/** A long poll ends at the first record, so this costs no latency, milliseconds. */
const fetchWaitMs = 1_000
const fetchBytesMax = 8 * 1024 * 1024

/** Makes a journal on a Kafka topic. Nothing is connected before `open`. */
export function kafkaJournal(options: KafkaJournalOptions): Journal {
  return new KafkaJournal(options)
}

class KafkaJournal implements Journal {
  readonly #options: KafkaJournalOptions
  readonly #kafka: Kafka
  readonly #closing = new AbortController()
  #admin: Promise<Admin> | null = null
  #producer: Promise<Producer> | null = null
  #tail: KafkaTail | null = null

  constructor(options: KafkaJournalOptions) {
    this.#options = options
    this.#kafka = new kafkajs.Kafka(clientConfig(options))
  }

  async open(): Promise<void> {
    const { topic } = this.#options
    try {
      const facts = (await this.#withAdmin((admin) => describeTopic(admin, topic))) ?? (await this.#createTopic())
      const problems = unsafeSettings(facts)
      if (problems.length > 0)
        throw new CheckpointError(
          'JOURNAL_UNSAFE',
          `the Kafka topic ${topic} is not safe for a journal: ${problems.join('; ')}`,
        )
      await this.#within(this.#connectedProducer(), adminDeadlineMs) // warm: a standby that is named must not begin by connecting
    } catch (cause) {
      this.#retireProducer() // a producer that could not connect stays that way
      if (cause instanceof CheckpointError) throw cause
      throw this.#unreachable('open the journal', cause)
    }
  }

  async append(value: Uint8Array, deadlineMs: number): Promise<number> {
    const { topic } = this.#options
    const connecting = this.#connectedProducer()
    let expired = false
    try {
      const sending = connecting.then((producer) => {
        if (expired) throw new Error('connected too late')
        const message = { key: null, value: asBuffer(value), partition: 0 }
        return producer.send({ topic, acks: -1, timeout: Math.max(1, Math.round(deadlineMs)), messages: [message] })
      })
      const [answer] = await this.#within(sending, deadlineMs)
      return Number(answer?.baseOffset ?? -1)
    } catch (cause) {
      expired = true
      this.#retireProducer(connecting)
      throw this.#unreachable('append', cause)
    }
  }

  async tail(from: number, onRecords: RecordListener): Promise<Tail> {
    if (this.#tail) throw new Error('assertion: one tail per journal')
    this.#tail = new KafkaTail(this.#kafka, this.#options, from, onRecords)
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
    await this.#withAdmin((admin) =>
      admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(before) }] }),
    )
  }

  async close(): Promise<void> {
    this.#closing.abort(new CheckpointError('STOPPED', 'the journal was closed'))
    const admin = this.#admin
    this.#retireProducer()
    this.#admin = null
    await Promise.all([this.#tail?.close(), admin && disconnect(admin, this.#options.log)])
  }

  async #createTopic(): Promise<TopicFacts> {
    const { topic } = this.#options
    return this.#withAdmin(async (admin) => {
      const { replicas, inSyncMin } = replication((await admin.describeCluster()).brokers.length)
      const configEntries = [...journalSettings, { name: 'min.insync.replicas', value: String(inSyncMin) }].map(
        ({ name, value }) => ({ name, value }),
      )
      await admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic, numPartitions: 1, replicationFactor: replicas, configEntries }],
      })
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
    this.#admin ??= connected(this.#kafka.admin())
    const current = this.#admin
    try {
      return await this.#within(current.then(work), adminDeadlineMs)
    } catch (error) {
      if (this.#admin === current) this.#admin = null
      void disconnect(current, this.#options.log)
      throw error
    }
  }

  #connectedProducer(): Promise<Producer> {
    this.#closing.signal.throwIfAborted()
    this.#producer ??= connected(
      this.#kafka.producer({ allowAutoTopicCreation: false, idempotent: false, retry: { retries: 0 } }),
    )
    return this.#producer
  }

  /** Lets a producer go, unless a later one took its place. */
  #retireProducer(used: Promise<Producer> | null = this.#producer): void {
    if (used === null || used !== this.#producer) return
    this.#producer = null
    void disconnect(used, this.#options.log)
  }

  async #within<R>(promise: Promise<R>, deadlineMs: number): Promise<R> {
    const { signal } = this.#closing
    return new Promise<R>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${Math.round(deadlineMs)} ms`)), deadlineMs)
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
    return new CheckpointError(
      'JOURNAL_UNREACHABLE',
      `could not ${what} (topic ${topic} on ${brokers.join(', ')}): ${reason}`,
      cause,
    )
  }
}

/** The standing read. It heals itself: a consumer that crashes is replaced, from the next offset on. */
class KafkaTail implements Tail {
  readonly #kafka: Kafka
  readonly #options: KafkaJournalOptions
  readonly #onRecords: RecordListener
  #next: number
  #generation = 0
  #consumer: Promise<Consumer> | null = null
  #timer: NodeJS.Timeout | null = null
  #pauseMs = tailPauseMs.first
  #closed = false

  constructor(kafka: Kafka, options: KafkaJournalOptions, from: number, onRecords: RecordListener) {
    this.#kafka = kafka
    this.#options = options
    this.#next = from
    this.#onRecords = onRecords
    this.#begin()
  }

  seek(offset: number): void {
    if (this.#closed) return
    this.#next = offset
    this.#retire()
    this.#begin()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#retire()
  }

  #begin(): void {
    const generation = ++this.#generation
    const consumer = this.#kafka.consumer({
      groupId: `${this.#options.topic}-tail-${randomUUID()}`,
      allowAutoTopicCreation: false,
      readUncommitted: true,
      maxWaitTimeInMs: fetchWaitMs,
      minBytes: 1,
      maxBytesPerPartition: fetchBytesMax,
      maxBytes: fetchBytesMax,
      sessionTimeout: 30_000,
      heartbeatInterval: 5_000,
      retry: { retries: 5, initialRetryTime: 50, maxRetryTime: 500, restartOnFailure: async () => false },
    })
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#failed(generation, payload.error))
    this.#consumer = this.#run(consumer, generation)
    this.#consumer.catch((error: unknown) => this.#failed(generation, error))
  }

  async #run(consumer: Consumer, generation: number): Promise<Consumer> {
    const { topic } = this.#options
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      partitionsConsumedConcurrently: 1,
      eachBatch: async ({ batch, isStale }) => {
        if (generation !== this.#generation || isStale()) return
        const records = []
        for (const { offset, value } of batch.messages) {
          const at = Number(offset)
          if (at >= this.#next) records.push({ offset: at, value: value ?? Buffer.alloc(0) })
        }
        if (records.length === 0) return
        this.#pauseMs = tailPauseMs.first
        this.#next = records.at(-1)!.offset + 1
        await this.#onRecords(records)
      },
    })
    if (this.#next > 0) consumer.seek({ topic, partition: 0, offset: String(this.#next) })
    return consumer
  }

  #failed(generation: number, error: unknown): void {
    if (generation !== this.#generation || this.#closed) return
    this.#options.log.warn(
      { topic: this.#options.topic, offset: this.#next, err: error },
      'reading the journal failed; starting the read again',
    )
    this.#retire()
    this.#timer = setTimeout(() => this.#begin(), this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, tailPauseMs.max)
  }

  async #retire(): Promise<void> {
    this.#generation++
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    const consumer = this.#consumer
    this.#consumer = null
    if (consumer) await disconnect(consumer, this.#options.log)
  }
}

function clientConfig(options: KafkaJournalOptions): KafkaConfig {
  const log = options.log.child({ part: 'kafkajs' })
  return {
    clientId: options.clientId,
    brokers: [...options.brokers],
    connectionTimeout: 1_000,
    requestTimeout: 10_000,
    retry: { retries: 0 },
    socketFactory: kafkaSocket,
    logLevel: kafkajs.logLevel.WARN,
    // Its errors under load would flood a terminal; what matters of them is said by this adapter.
    logCreator:
      () =>
      ({ log: { message, ...rest } }) =>
        log.debug({ error: rest.error }, message),
  }
}

async function describeTopic(admin: Admin, topic: string): Promise<TopicFacts | null> {
  if (!(await admin.listTopics()).includes(topic)) return null
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const { brokers } = await admin.describeCluster()
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
  })
  const partitions = topics[0]?.partitions ?? []
  const settings = new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]))
  return {
    brokers: brokers.length,
    partitions: partitions.length,
    replicas: partitions[0]?.replicas.length ?? 0,
    settings,
  }
}

interface Client {
  connect(): Promise<void>
  disconnect(): Promise<void>
}

async function connected<C extends Client>(client: C): Promise<C> {
  await client.connect()
  return client
}

/** Lets a client go without waiting for ever; a failure to part is of no consequence beyond a debug line. */
async function disconnect(client: Client | Promise<Client>, log: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, disconnectDeadlineMs)
  })
  const parting = Promise.resolve(client)
    .then((known) => known.disconnect())
    .catch((err: unknown) => log.debug({ err }, 'a Kafka client did not part in good order'))
  await Promise.race([parting, deadline])
  clearTimeout(timer)
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
