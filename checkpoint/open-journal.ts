/** The adapters for what `--kafka` says: Kafka, or the embedded journal. Whoever keeps a journal gets it here. */
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import { fileJournal } from './file-journal.ts'
import { fileSnapshots } from './file-snapshots.ts'
import type { Journal } from './journal.ts'
import { journalPlace } from './journal-place.ts'
import { kafkaJournal } from './kafka-journal.ts'
import { kafkaSnapshots } from './kafka-snapshots.ts'
import { libraryLogger } from './logger.ts'
import type { SnapshotStore } from './snapshot-store.ts'

/** Which journal. */
export interface JournalPortsOptions {
  /** `HOST:PORT` of brokers, or one `file:DIR`. */
  readonly kafka: readonly string[]
  /** Of the journal. Snapshots are kept beside it, under `TOPIC.snapshots`. */
  readonly topic: string
  /** Who asks, as brokers see it; default `heartline`. */
  readonly clientId?: string
  /** Default JSON lines on standard error, warnings and worse. */
  readonly log?: Logger
}

/** What a checkpoint needs of one place, to be handed to `createCheckpoint` as it is. */
export interface JournalPorts {
  /** Where the history is kept. */
  readonly journal: Journal
  /** Where its snapshots are kept. */
  readonly snapshots: SnapshotStore
}

/**
 * Makes the ports of one journal. Nothing is opened before their `open`.
 * @throws CheckpointError JOURNAL_UNUSABLE for what is no place for a journal.
 */
export function journalPorts({
  kafka,
  topic,
  clientId = 'heartline',
  log = libraryLogger(),
}: JournalPortsOptions): JournalPorts {
  const place = journalPlace(kafka)
  const snapshotsTopic = `${topic}.snapshots`
  switch (place.kind) {
    case 'kafka': {
      const client = { brokers: place.brokers, clientId, log }
      return {
        journal: kafkaJournal({ ...client, topic }),
        snapshots: kafkaSnapshots({ ...client, topic: snapshotsTopic }),
      }
    }
    case 'file': {
      const { directory } = place
      return {
        journal: fileJournal({ directory, topic, log }),
        snapshots: fileSnapshots({ directory, topic: snapshotsTopic }),
      }
    }
    case 'wrong':
      throw new CheckpointError('JOURNAL_UNUSABLE', `no journal can be kept at ${kafka.join(',')}: ${place.problem}`)
  }
}
