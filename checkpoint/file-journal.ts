/**
 * The embedded journal: a file in a directory that the processes of one machine share, durable over `kill -9` and loss of power. For one machine;
 * for several there is Kafka. The file lives in a process of its own: `node:sqlite` is synchronous, and an fsync takes as long as it takes; and whoever
 * hangs in the middle of an append (SIGSTOP) must not hang with the lock that the next active needs.
 */
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import type { JournalCall, JournalNews, JournalNote, JournalServantData } from './file-journal-worker.ts'
import { FileServant } from './file-servant.ts'
import type { Journal, JournalRecord, RecordListener, Tail } from './journal.ts'
import { libraryLogger } from './logger.ts'

/** Where an embedded journal stands. */
export interface FileJournalOptions {
  /** On a local disk; made if it is missing, in one that exists. */
  readonly directory: string
  /** Names the file: `TOPIC.sqlite`. */
  readonly topic: string
  /** A quota for the file, bytes: beyond it appends fail with JOURNAL_FULL, as on a full disk. Default none. */
  readonly bytesMax?: number
  /** Told of troubles with the disk; default JSON lines on standard error, warnings and worse. */
  readonly log?: Logger
}

/** How long everything but an append may take, milliseconds. */
const callDeadlineMs = 5_000

/** Makes a journal in a file. Nothing is opened before `open`. */
export function fileJournal(options: FileJournalOptions): Journal {
  return new FileJournal(options)
}

class FileJournal implements Journal {
  readonly #servant: FileServant<JournalCall, JournalNote, JournalNews>
  readonly #log: Logger
  #tail: FileTail | null = null
  #trouble = ''

  constructor({ directory, topic, log = libraryLogger(), bytesMax }: FileJournalOptions) {
    const path = join(resolve(directory), `${topic}.sqlite`)
    this.#log = log.child({ file: path })
    this.#servant = new FileServant({
      kind: 'process',
      name: 'file-journal-worker',
      data: { path, bytesMax } satisfies JournalServantData,
      path,
      onNews: (news) => this.#hear(news),
      onStart: () => this.#tail?.resume(),
    })
  }

  async open(): Promise<void> {
    await this.#servant.call({ kind: 'open' }, callDeadlineMs)
  }

  async append(value: Uint8Array, deadlineMs: number): Promise<number> {
    const expiresAtMs = Number(process.hrtime.bigint()) / 1e6 + deadlineMs
    const offset = await this.#servant.call({ kind: 'append', value, expiresAtMs }, deadlineMs)
    return offset as number
  }

  async tail(from: number, onRecords: RecordListener): Promise<Tail> {
    if (this.#tail) throw new Error('assertion: one tail per journal')
    this.#tail = new FileTail(from, onRecords, (note) => this.#servant.tell(note))
    this.#tail.resume()
    return this.#tail
  }

  async start(): Promise<number> {
    return (await this.#bounds()).first
  }

  async end(): Promise<number> {
    return (await this.#bounds()).next
  }

  async truncate(before: number): Promise<void> {
    await this.#servant.call({ kind: 'truncate', before }, truncateDeadlineMs)
  }

  async close(): Promise<void> {
    await this.#tail?.close()
    await this.#servant.close({ kind: 'close' }, new CheckpointError('STOPPED', 'the journal was closed'))
  }

  async #bounds(): Promise<{ first: number; next: number }> {
    return (await this.#servant.call({ kind: 'bounds' }, callDeadlineMs)) as { first: number; next: number }
  }

  #hear(news: JournalNews): void {
    if (news.kind === 'records') {
      this.#trouble = ''
      this.#tail?.take(news)
    } else if (news.message !== this.#trouble) {
      this.#trouble = news.message // once, however often it is tried
      this.#log.warn({ event: 'journal-trouble' }, news.message)
    }
  }
}

/** Room is given back slice by slice; what is not done by then goes on in the process, milliseconds. */
const truncateDeadlineMs = 60_000

class FileTail implements Tail {
  readonly #onRecords: RecordListener
  readonly #tell: (note: JournalNote) => void
  #next: number
  #generation = 0
  #delivered: Promise<void> = Promise.resolve()
  #closed = false

  constructor(from: number, onRecords: RecordListener, tell: (note: JournalNote) => void) {
    this.#next = from
    this.#onRecords = onRecords
    this.#tell = tell
  }

  /** Begins, or begins again in a new process, where the last delivery ended. */
  resume(): void {
    if (!this.#closed) this.#tell({ kind: 'tail', from: this.#next, generation: ++this.#generation })
  }

  seek(offset: number): void {
    this.#next = offset
    this.resume()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#delivered
  }

  take({ generation, batch }: Extract<JournalNews, { kind: 'records' }>): void {
    const { first, lengths, bytes } = batch
    let end = 0
    const records = Array.from(lengths, (length, index): JournalRecord => {
      end += length
      return { offset: first + index, value: bytes.subarray(end - length, end) }
    })
    this.#delivered = this.#delivered.then(async () => {
      if (this.#closed || generation !== this.#generation) return
      this.#next = first + records.length
      await this.#onRecords(records)
      this.#tell({ kind: 'taken', generation })
    })
  }
}
