/** The ports of a journal for who may look and must not touch: nothing is appended, truncated or written. */
import type { Journal, SnapshotStore } from '../checkpoint/index.ts'
import { CheckpointError } from '../checkpoint/index.ts'

/** Where a journal is read. */
export interface ReadPorts {
  readonly journal: Journal
  readonly snapshots?: SnapshotStore
}

export function readOnly({ journal, snapshots }: ReadPorts): ReadPorts {
  return { journal: readOnlyJournal(journal), ...(snapshots ? { snapshots: readOnlySnapshots(snapshots) } : {}) }
}

function readOnlyJournal(journal: Journal): Journal {
  return {
    open: () => journal.open(),
    append: refuse,
    tail: (from, onRecords) => journal.tail(from, onRecords),
    start: () => journal.start(),
    end: () => journal.end(),
    truncate: refuse,
    close: () => journal.close(),
  }
}

function readOnlySnapshots(snapshots: SnapshotStore): SnapshotStore {
  return {
    open: () => snapshots.open(),
    writeChunk: refuse,
    writeManifest: refuse,
    manifests: () => snapshots.manifests(),
    readChunks: (chunks, onChunk) => snapshots.readChunks(chunks, onChunk),
    removeManifest: refuse,
    removeChunks: refuse,
    close: () => snapshots.close(),
  }
}

function refuse(): Promise<never> {
  return Promise.reject(new CheckpointError('JOURNAL_UNUSABLE', 'this journal is only read here'))
}
