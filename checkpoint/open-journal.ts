/** The adapters for what `--kafka` says: Kafka, or the embedded journal. Whoever keeps a journal gets it here. */
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import { fileJournal } from './file-journal.ts'
import type { Journal } from './journal.ts'
import { journalPlace } from './journal-place.ts'
import { kafkaJournal } from './kafka-journal.ts'

export interface JournalPortsOptions {
  /** `HOST:PORT` of brokers, or one `file:DIR`. */
  readonly kafka: readonly string[]
  /** Of the journal. */
  readonly topic: string
  /** Who asks, as brokers see it. */
  readonly clientId: string
  readonly log: Logger
}

export interface JournalPorts {
  readonly journal: Journal
}

/**
 * Makes the ports of one journal. Nothing is opened before their `open`.
 * @throws CheckpointError JOURNAL_UNUSABLE for what is no place for a journal.
 */
export function journalPorts({ kafka, topic, clientId, log }: JournalPortsOptions): JournalPorts {
  const place = journalPlace(kafka)
  switch (place.kind) {
    case 'kafka':
      return { journal: kafkaJournal({ brokers: place.brokers, topic, clientId, log }) }
    case 'file':
      return { journal: fileJournal({ directory: place.directory, topic, log }) }
    case 'wrong':
      throw new CheckpointError('JOURNAL_UNUSABLE', `no journal can be kept at ${kafka.join(',')}: ${place.problem}`)
  }
}
