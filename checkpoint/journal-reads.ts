/** Reading a journal without taking part in it, for who looks at one: nothing is created, nothing appended, no setting checked. */
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import { busyTimeoutMs, FileHost, monotonicMs, patienceMs } from './file-host.ts'
import { fileSnapshots } from './file-snapshots.ts'
import type { Journal, JournalRecord } from './journal.ts'
import { JournalFile, type RecordBatch } from './journal-file.ts'
import { journalPlace } from './journal-place.ts'
import { kafkaJournal } from './kafka-journal.ts'
import { journalTopic } from './kafka-settings.ts'
import { kafkaSnapshots } from './kafka-snapshots.ts'
import { KafkaTopic } from './kafka-topic.ts'
import { complete, decodeGenerations, type Manifest } from './snapshot-manifest.ts'
import type { SnapshotStore } from './snapshot-store.ts'

/** A journal to look at. */
export interface JournalReads {
  /** The first offset that can be read, and the one that the next record will get. */
  bounds(): Promise<{ first: number; end: number }>
  /**
   * The records from `from` on, in batches, and then those that come; it ends by `return` alone. Offsets rise, and some may be missing or come
   * twice. Throws a CheckpointError for a journal that cannot be read any further.
   */
  records(from: number): AsyncIterable<JournalRecord[]>
  /** The complete snapshots of it. */
  manifests(): Promise<readonly Manifest[]>
  close(): Promise<void>
}

export interface JournalReadsOptions {
  /** `HOST:PORT` of brokers, or one `file:DIR`. */
  readonly kafka: readonly string[]
  readonly topic: string
  readonly clientId: string
  readonly log: Logger
}

/** How often a file is looked at for new records, milliseconds. */
const pollMs = 100
/** So many topics are named where one is missing. */
const namesMax = 10

/** @throws CheckpointError JOURNAL_UNUSABLE if there is no such journal, JOURNAL_UNREACHABLE */
export async function openJournalReads(options: JournalReadsOptions): Promise<JournalReads> {
  const { kafka, topic, clientId, log } = options
  const place = journalPlace(kafka)
  const snapshotsTopic = `${topic}.snapshots`
  switch (place.kind) {
    case 'kafka': {
      const client = { brokers: place.brokers, clientId, log }
      const topics = await topicsOf(new KafkaTopic({ ...client, topic }, journalTopic))
      if (!topics.includes(topic)) throw missing(topic, place.brokers.join(','), topics)
      const snapshots = topics.includes(snapshotsTopic) ? kafkaSnapshots({ ...client, topic: snapshotsTopic }) : null
      return new PortReads(() => kafkaJournal({ ...client, topic }), snapshots) // not opened: that would make the topic
    }
    case 'file': {
      const directory = resolve(place.directory)
      const there = journalsIn(directory)
      if (!there.includes(topic)) throw missing(topic, directory, there)
      const snapshots = there.includes(snapshotsTopic) ? fileSnapshots({ directory, topic: snapshotsTopic }) : null
      return new FileReads(join(directory, fileOf(topic)), snapshots)
    }
    case 'wrong':
      throw new CheckpointError('JOURNAL_UNUSABLE', `there is no journal at ${kafka.join(',')}: ${place.problem}`)
  }
}

type ReadPort = Pick<Journal, 'start' | 'end' | 'tail' | 'close'>
type ManifestPort = Pick<SnapshotStore, 'manifests' | 'close'>

/** Reads through journals' own port: each read has a journal of its own, never opened if `open` could make it. */
export class PortReads implements JournalReads {
  readonly #journal: () => ReadPort
  readonly #bounds: ReadPort
  readonly #snapshots: ManifestPort | null
  readonly #underWay = new Set<PassThrough>()

  constructor(journal: () => ReadPort, snapshots: ManifestPort | null) {
    this.#journal = journal
    this.#bounds = journal()
    this.#snapshots = snapshots
  }

  async bounds(): Promise<{ first: number; end: number }> {
    return { first: await this.#bounds.start(), end: await this.#bounds.end() }
  }

  async *records(from: number): AsyncGenerator<JournalRecord[]> {
    const journal = this.#journal()
    const batches = new PassThrough({ objectMode: true, highWaterMark: 1 })
    this.#underWay.add(batches)
    try {
      await journal.tail(from, async (records) => {
        if (!batches.destroyed && !batches.write(records)) await drained(batches)
      })
      for await (const records of batches) yield records as JournalRecord[]
    } finally {
      this.#underWay.delete(batches)
      batches.destroy()
      await journal.close()
    }
  }

  manifests(): Promise<readonly Manifest[]> {
    return manifestsOf(this.#snapshots)
  }

  async close(): Promise<void> {
    for (const batches of this.#underWay) batches.destroy()
    await Promise.all([this.#bounds.close(), this.#snapshots?.close()])
  }
}

async function manifestsOf(snapshots: ManifestPort | null): Promise<readonly Manifest[]> {
  return snapshots ? complete(decodeGenerations(await snapshots.manifests())) : []
}

/** Resolves when there is room again, or nobody reads any more. */
function drained(stream: PassThrough): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      stream.off('drain', end).off('close', end)
      done()
    }
    stream.once('drain', end).once('close', end)
  })
}

/** The embedded journal, read in this thread: whoever looks at one has nothing else to do. */
class FileReads implements JournalReads {
  readonly #host: FileHost<JournalFile>
  readonly #snapshots: ManifestPort | null

  constructor(path: string, snapshots: ManifestPort | null) {
    this.#host = new FileHost({ path, open: () => new JournalFile({ path, busyTimeoutMs, create: false }) })
    this.#snapshots = snapshots
  }

  async bounds(): Promise<{ first: number; end: number }> {
    const { first, next } = this.#read((file) => file.bounds())
    return { first, end: next }
  }

  records(from: number): AsyncIterable<JournalRecord[]> {
    return this.#records(from)
  }

  manifests(): Promise<readonly Manifest[]> {
    return manifestsOf(this.#snapshots)
  }

  async close(): Promise<void> {
    this.#host.close()
    await this.#snapshots?.close()
  }

  async *#records(from: number): AsyncGenerator<JournalRecord[]> {
    for (let next = from; ; ) {
      const batch = this.#read((file) => file.read(next))
      if (batch) {
        const records = recordsOf(batch)
        next = records.at(-1)!.offset + 1
        yield records
      } else await sleep(pollMs)
    }
  }

  #read<R>(work: (file: JournalFile) => R): R {
    try {
      return this.#host.run(monotonicMs() + patienceMs, work)
    } catch (error) {
      throw this.#host.failureOf(error, 'read')
    }
  }
}

function recordsOf({ first, lengths, bytes }: RecordBatch): JournalRecord[] {
  let end = 0
  return Array.from(lengths, (length, index) => {
    end += length
    return { offset: first + index, value: bytes.subarray(end - length, end) }
  })
}

async function topicsOf(kafka: KafkaTopic): Promise<string[]> {
  try {
    return await kafka.topics()
  } finally {
    await kafka.close()
  }
}

const fileEnding = '.sqlite'

function fileOf(topic: string): string {
  return `${topic}${fileEnding}`
}

function journalsIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  const files = readdirSync(directory).filter((name) => name.endsWith(fileEnding))
  return files.map((name) => name.slice(0, -fileEnding.length))
}

function missing(topic: string, where: string, others: readonly string[]): CheckpointError {
  const named = others.filter((name) => !name.startsWith('__')).toSorted()
  const more = named.length > namesMax ? ` and ${named.length - namesMax} more` : ''
  const there = named.length === 0 ? 'no journal is there' : `there are ${named.slice(0, namesMax).join(', ')}${more}`
  return new CheckpointError('JOURNAL_UNUSABLE', `there is no journal ${topic} at ${where}: ${there}`)
}
