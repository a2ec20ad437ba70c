/**
 * The standing read of a Kafka journal: a consumer in a group of one (kafkajs has no `assign()`, #373), positioned by `seek`. It heals itself: a
 * consumer that crashes is replaced, from the next offset on; and since one can stall (#659), `seek` means a fresh consumer.
 */
import { randomUUID } from 'node:crypto'
import type { Consumer } from 'kafkajs'
import type { JournalRecord, RecordListener, Tail } from './journal.ts'
import { KafkaClient, readingSettings } from './kafka-client.ts'
import type { KafkaJournalOptions } from './kafka-journal.ts'

/** First and longest pause before the read is started again, milliseconds. */
const pauseMs = { first: 50, max: 2_000 }
/** Joining a group takes the broker's `group.initial.rebalance.delay.ms` (3 s by default) and more; who joins is not sent to join anew within so long, milliseconds. */
const joinPatienceMs = 10_000
/** A long poll ends at the first record, so this costs no latency, milliseconds. */
const fetchWaitMs = 1_000

export class KafkaTail implements Tail {
  readonly #options: KafkaJournalOptions
  readonly #onRecords: RecordListener
  #next: number
  #generation = 0
  #consumer: KafkaClient<Consumer> | null = null
  /** The broker at which the last consumer began: it may be one that is out of touch. */
  #askedLast: string | undefined
  #timer: NodeJS.Timeout | null = null
  /** What was fetched is worked on while the next is being fetched: one batch ahead. */
  #working: Promise<void> = Promise.resolve()
  /** Counts the seeks: what was fetched before one is not delivered after it. */
  #seeks = 0
  #pauseMs = pauseMs.first
  /** When the consumer began that has not joined its group yet; null once it has. */
  #joiningSinceMs: number | null = null
  #closed = false

  constructor(options: KafkaJournalOptions, from: number, onRecords: RecordListener) {
    this.#options = options
    this.#next = from
    this.#onRecords = onRecords
    this.#begin()
  }

  seek(offset: number): void {
    if (this.#closed) return
    const joining = this.#joiningSinceMs !== null && performance.now() - this.#joiningSinceMs < joinPatienceMs
    if (joining && offset === this.#next) return // it is at it, and to begin again would only take longer
    this.#next = offset
    this.#seeks++
    void this.#retire()
    this.#begin()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#retire()
  }

  #begin(): void {
    const generation = ++this.#generation
    this.#joiningSinceMs = performance.now()
    this.#working = this.#working.catch(() => undefined)
    const consumer = new KafkaClient(
      this.#options,
      (kafka) =>
        kafka.consumer({
          ...readingSettings,
          groupId: `${this.#options.topic}-tail-${randomUUID()}`,
          maxWaitTimeInMs: fetchWaitMs,
        }),
      this.#askedLast,
    )
    this.#consumer = consumer
    this.#askedLast = consumer.askedFirst
    const { CRASH, GROUP_JOIN } = consumer.client.events
    consumer.client.on(CRASH, ({ payload }) => this.#failed(generation, payload.error))
    consumer.client.on(GROUP_JOIN, () => this.#position(consumer.client, generation))
    this.#run(consumer.client, generation).catch((error: unknown) => this.#failed(generation, error))
  }

  async #run(consumer: Consumer, generation: number): Promise<void> {
    const { topic } = this.#options
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async ({ batch, isStale, heartbeat }) => {
        if (generation !== this.#generation || isStale()) return
        // A batch may be worked on, or have to wait, for longer than a group lets a member be silent.
        const alive = setInterval(() => void heartbeat().catch(() => undefined), readingSettings.heartbeatInterval)
        await this.#deliver(batch.messages).finally(() => clearInterval(alive))
      },
    })
  }

  /**
   * At the join, before the first fetch, and at each one that follows (the partition's leader moved, the group's coordinator forgot the member):
   * nothing was committed, so kafkajs would begin at the beginning again, and what is new wait until all of the journal was fetched.
   */
  #position(consumer: Consumer, generation: number): void {
    if (generation !== this.#generation) return
    this.#joiningSinceMs = null
    if (this.#next === 0) return
    consumer.seek({ topic: this.#options.topic, partition: 0, offset: String(this.#next) })
  }

  async #deliver(messages: readonly { offset: string; value: Buffer | null; timestamp: string }[]): Promise<void> {
    const records: JournalRecord[] = []
    for (const { offset, value, timestamp } of messages) {
      const at = Number(offset)
      if (at >= this.#next) records.push({ offset: at, value: value ?? Buffer.alloc(0), timestamp })
    }
    const last = records.at(-1)
    if (!last) return
    this.#pauseMs = pauseMs.first
    this.#next = last.offset + 1
    const before = this.#working
    const seeks = this.#seeks
    this.#working = before.then(async () => {
      if (!this.#closed && seeks === this.#seeks) await this.#onRecords(records)
    })
    this.#working.catch(() => undefined) // what the listener throws ends this consumer at the next batch
    await before
  }

  #failed(generation: number, error: unknown): void {
    if (generation !== this.#generation || this.#closed) return
    const { log, topic } = this.#options
    const reason = error instanceof Error ? error.message : String(error)
    log.warn({ topic, offset: this.#next, reason }, 'reading the journal failed; starting the read again')
    void this.#retire()
    this.#timer = setTimeout(() => this.#begin(), this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, pauseMs.max)
  }

  async #retire(): Promise<void> {
    this.#generation++
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    const consumer = this.#consumer
    this.#consumer = null
    await consumer?.part()
  }
}
