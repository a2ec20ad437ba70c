/**
 * The journal on one partition of a Kafka topic, through kafkajs, which is not trusted: its known faults are worked around in
 * `kafka-topic.ts`, `kafka-tail.ts`, `kafka-record-reads.ts` and `kafka-client.ts`, and nowhere else.
 */
import type { Journal, RecordListener, Tail } from './journal.ts'
import { journalTopic } from './kafka-settings.ts'
import { KafkaTail } from './kafka-tail.ts'
import { KafkaTopic, type KafkaTopicOptions } from './kafka-topic.ts'

/** Which topic, on which brokers. */
export type KafkaJournalOptions = KafkaTopicOptions

/** Makes a journal on a Kafka topic. Nothing is connected before `open`. */
export function kafkaJournal(options: KafkaJournalOptions): Journal {
  return new KafkaJournal(options)
}

class KafkaJournal implements Journal {
  readonly #options: KafkaJournalOptions
  readonly #topic: KafkaTopic
  #tail: KafkaTail | null = null

  constructor(options: KafkaJournalOptions) {
    this.#options = options
    this.#topic = new KafkaTopic(options, journalTopic)
  }

  get recordBytesMax(): number | undefined {
    return this.#topic.messageBytesMax
  }

  open(): Promise<void> {
    return this.#topic.open()
  }

  append(value: Uint8Array, deadlineMs: number): Promise<number> {
    return this.#topic.send(0, null, value, deadlineMs)
  }

  async tail(from: number, onRecords: RecordListener): Promise<Tail> {
    if (this.#tail) throw new Error('assertion: one tail per journal')
    this.#tail = new KafkaTail(this.#options, from, onRecords)
    return this.#tail
  }

  async start(): Promise<number> {
    return (await this.#topic.offsets(0)).low
  }

  async end(afresh = false): Promise<number> {
    if (afresh) this.#topic.retireAdmin()
    return (await this.#topic.offsets(0)).high
  }

  truncate(before: number): Promise<void> {
    return this.#topic.deleteRecords(0, before)
  }

  async close(): Promise<void> {
    await Promise.all([this.#topic.close(), this.#tail?.close()])
  }
}
