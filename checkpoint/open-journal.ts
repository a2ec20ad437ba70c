/** The adapters for what `--kafka` says: Kafka, or the embedded journal. Whoever keeps a journal gets it here. */
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import { fileJournal } from './file-journal.ts'
import { fileSnapshots } from './file-snapshots.ts'
import type { Journal } from './journal.ts'
import { journalPlace } from './journal-place.ts'
import { kafkaJournal } from './kafka-journal.ts'
import { kafkaSnapshots } from './kafka-snapshots.ts'
import type { SnapshotStore } from './snapshot-store.ts'

export interface JournalPortsOptions {
  /** `HOST:PORT` of brokers, or one `file:DIR`. */
  readonly kafka: readonly string[]
  /** Of the journal. Snapshots are kept beside it, under `TOPIC.snapshots`. */
  readonly topic: string
  /** Who asks, as brokers see it. */
  readonly clientId: string
  readonly log: Logger
}

export interface JournalPorts {
  readonly journal: Journal
  readonly snapshots: SnapshotStore
}

/**
 * Makes the ports of one journal. Nothing is opened before their `open`.
 * @throws CheckpointError JOURNAL_UNUSABLE for what is no place for a journal.
 */
export function journalPorts({ kafka, topic, clientId, log }: JournalPortsOptions): JournalPorts {
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
