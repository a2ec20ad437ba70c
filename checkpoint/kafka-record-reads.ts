/**
 * Bounded reads of a Kafka topic: from one offset of a partition to another, one after the other, over one consumer. kafkajs has no `assign()`
 * (#373), so it is a group of one; joining costs, so the consumer is kept for a while after a read, all partitions paused. A read
 * that fails, or hears nothing for long (#659), costs the consumer; the next read makes a fresh one.
 */
import { randomUUID } from 'node:crypto'
import type { Consumer, KafkaMessage } from 'kafkajs'
import { CheckpointError } from './errors.ts'
import { KafkaClient, readingSettings } from './kafka-client.ts'
import type { KafkaTopicOptions } from './kafka-topic.ts'

/** Takes one record; its bytes are its own to keep. A rejection ends the read. */
export type RecordTaker = (offset: number, key: string, value: Buffer | null) => void | Promise<void>

/** While nothing is read, so often is it looked whether something is to be, milliseconds: what a read waits for at worst. */
const fetchWaitMs = 50
/** A read to which nothing is delivered for so long has failed, milliseconds. */
const silenceMs = 10_000
/** A consumer that nobody used for so long is let go, milliseconds. */
const idleMs = 5_000

interface Read {
  readonly partition: number
  next: number
  /** The first offset that is not wanted. A record stands at the one before it, or beyond. */
  readonly until: number
  readonly take: RecordTaker
  readonly end: (error?: unknown) => void
  silence: NodeJS.Timeout | null
  /** What was fetched is taken while the next is being fetched: one batch ahead. */
  taking: Promise<void>
}

export class KafkaRecordReads {
  readonly #options: KafkaTopicOptions
  readonly #partitions: readonly number[]
  #session: Session | null = null
  #last: Promise<unknown> = Promise.resolve()
  #idle: NodeJS.Timeout | null = null
  #closed = false

  constructor(options: KafkaTopicOptions, partitions: number) {
    this.#options = options
    this.#partitions = Array.from({ length: partitions }, (_, index) => index)
  }

  /** Begins to join, so that the first read need not wait for it. */
  prepare(): void {
    if (!this.#closed) void this.#connected()
    this.#rest()
  }

  /** Reads from `from` up to `until`, where `until` is an end that the broker told, or lies below one. */
  read(partition: number, from: number, until: number, take: RecordTaker): Promise<void> {
    const reading = this.#last.then(() => this.#read(partition, from, until, take))
    this.#last = reading.catch(() => undefined)
    return reading
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#idle) clearTimeout(this.#idle)
    await this.#drop(stopped())
  }

  async #read(partition: number, from: number, until: number, take: RecordTaker): Promise<void> {
    if (from >= until) return
    if (this.#closed) throw stopped()
    if (this.#idle) clearTimeout(this.#idle)
    try {
      await this.#connected().read(partition, from, until, take)
    } catch (error) {
      void this.#drop(error)
      throw error
    } finally {
      this.#rest()
    }
  }

  #connected(): Session {
    this.#session ??= new Session(this.#options, this.#partitions, (failed) => {
      if (this.#session === failed) this.#session = null
    })
    return this.#session
  }

  #rest(): void {
    if (this.#idle) clearTimeout(this.#idle)
    if (this.#closed) return
    this.#idle = setTimeout(() => void this.#drop(new Error('let go')), idleMs).unref()
  }

  async #drop(reason: unknown): Promise<void> {
    const session = this.#session
    this.#session = null
    await session?.end(reason)
  }
}

class Session {
  readonly #topic: string
  readonly #partitions: readonly number[]
  readonly #owner: KafkaClient<Consumer>
  readonly #joined: Promise<void>
  readonly #onEnd: (session: Session) => void
  #current: Read | null = null
  #ended: { reason: unknown } | null = null

  constructor(options: KafkaTopicOptions, partitions: readonly number[], onEnd: (session: Session) => void) {
    this.#topic = options.topic
    this.#partitions = partitions
    this.#onEnd = onEnd
    this.#owner = new KafkaClient(options, (kafka) =>
      kafka.consumer({
        ...readingSettings,
        groupId: `${options.topic}-read-${randomUUID()}`,
        maxWaitTimeInMs: fetchWaitMs,
      }),
    )
    const { CRASH, GROUP_JOIN } = this.#owner.client.events
    this.#owner.client.on(CRASH, ({ payload }) => void this.end(payload.error))
    this.#owner.client.on(GROUP_JOIN, () => this.#position())
    this.#joined = this.#join()
    this.#joined.catch((error: unknown) => void this.end(error))
  }

  async read(partition: number, from: number, until: number, take: RecordTaker): Promise<void> {
    const finished = Promise.withResolvers<void>()
    const end = (error?: unknown) => {
      if (read.silence) clearTimeout(read.silence)
      if (this.#current === read) this.#current = null
      if (error === undefined) finished.resolve()
      else finished.reject(error)
    }
    const read: Read = { partition, next: from, until, take, end, silence: null, taking: Promise.resolve() }
    if (this.#ended) throw this.#ended.reason
    this.#current = read
    this.#awaitMore(read)
    this.#joined.then(() => this.#position(), end)
    await finished.promise
  }

  async end(reason: unknown): Promise<void> {
    if (this.#ended) return
    this.#ended = { reason }
    this.#current?.end(reason)
    this.#onEnd(this)
    await this.#owner.part()
  }

  async #join(): Promise<void> {
    const { client } = this.#owner
    await client.connect()
    await client.subscribe({ topics: [this.#topic], fromBeginning: true })
    await client.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async ({ batch, isStale, heartbeat }) => {
        const read = this.#current
        if (!read || batch.partition !== read.partition || isStale()) return
        const before = read.taking
        read.taking = before.then(() => this.#deliver(read, batch.messages))
        if (Number(batch.lastOffset()) >= read.until - 1) this.#pause(read.partition)
        await before
        await heartbeat()
      },
    })
  }

  /** Also at a join, before the first fetch, and at each one that follows: kafkajs would begin at the beginning. */
  #position(): void {
    if (this.#ended) return
    const { client } = this.#owner
    const read = this.#current
    const idle = this.#partitions.filter((partition) => partition !== read?.partition)
    client.pause([{ topic: this.#topic, partitions: idle }])
    if (!read) return
    client.seek({ topic: this.#topic, partition: read.partition, offset: String(read.next) })
    client.resume([{ topic: this.#topic, partitions: [read.partition] }])
  }

  #pause(partition: number): void {
    this.#owner.client.pause([{ topic: this.#topic, partitions: [partition] }])
  }

  async #deliver(read: Read, messages: readonly KafkaMessage[]): Promise<void> {
    for (const { offset, key, value } of messages) {
      const at = Number(offset)
      if (at < read.next) continue
      if (this.#current !== read) return
      if (at < read.until) {
        if (read.silence) clearTimeout(read.silence)
        read.silence = null
        try {
          await read.take(at, key?.toString() ?? '', value)
        } catch (error) {
          return read.end(error)
        }
        read.next = at + 1
      }
      if (at >= read.until - 1) return read.end()
    }
    if (this.#current === read) this.#awaitMore(read)
  }

  #awaitMore(read: Read): void {
    if (read.silence) clearTimeout(read.silence)
    const silent = () => read.end(new Error(`nothing was read from offset ${read.next} on for ${silenceMs} ms`))
    read.silence = setTimeout(silent, silenceMs)
  }
}

function stopped(): CheckpointError {
  return new CheckpointError('STOPPED', 'the snapshot store was closed')
}
