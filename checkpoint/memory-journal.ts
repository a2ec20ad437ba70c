/** The journal in memory, for tests and for trying things within one process. Durable as long as the {@link MemoryLog} is held. */
import { CheckpointError } from './errors.ts'
import type { Journal, JournalRecord, RecordListener, Tail } from './journal.ts'
import { nextTurn, realTime, type Time } from './time.ts'

/** What several memory journals share, as several processes share one Kafka. */
export class MemoryLog {
  /** All of them, by offset; those below `first` are forgotten. */
  readonly records: Uint8Array[] = []
  first = 0
  readonly #listeners = new Set<() => void>()

  /** Appends a copy; returns its offset. */
  append(value: Uint8Array): number {
    const offset = this.records.push(Uint8Array.from(value)) - 1
    for (const listener of this.#listeners) listener()
    return offset
  }

  /** Calls `listener` after each append, until what it returns is called. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Makes a log for {@link memoryJournal}. */
export function createMemoryLog(): MemoryLog {
  return new MemoryLog()
}

/** Makes a journal over a log of its own, or over one that is shared. */
export function memoryJournal(log: MemoryLog = createMemoryLog(), time: Time = realTime): Journal {
  return new MemoryJournal(log, time)
}

const batchMax = 1_000

class MemoryJournal implements Journal {
  readonly #log: MemoryLog
  readonly #time: Time
  #tail: MemoryTail | null = null
  #closed = false

  constructor(log: MemoryLog, time: Time) {
    this.#log = log
    this.#time = time
  }

  async open(): Promise<void> {
    this.#mustBeOpen()
  }

  async append(value: Uint8Array): Promise<number> {
    this.#mustBeOpen()
    await nextTurn(this.#time)
    this.#mustBeOpen()
    return this.#log.append(value)
  }

  async tail(from: number, onRecords: RecordListener): Promise<Tail> {
    if (this.#tail) throw new Error('assertion: one tail per journal')
    this.#tail = new MemoryTail(this.#log, this.#time, from, onRecords)
    return this.#tail
  }

  async start(): Promise<number> {
    return this.#log.first
  }

  async end(): Promise<number> {
    return this.#log.records.length
  }

  async truncate(before: number): Promise<void> {
    this.#log.first = Math.max(this.#log.first, Math.min(before, this.#log.records.length))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#tail?.close()
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new CheckpointError('STOPPED', 'the journal was closed')
  }
}

class MemoryTail implements Tail {
  readonly #log: MemoryLog
  readonly #time: Time
  readonly #onRecords: RecordListener
  readonly #unsubscribe: () => void
  #next: number
  #delivering: Promise<void> | null = null
  #closed = false

  constructor(log: MemoryLog, time: Time, from: number, onRecords: RecordListener) {
    this.#log = log
    this.#time = time
    this.#onRecords = onRecords
    this.#next = from
    this.#unsubscribe = log.onAppend(() => this.#wake())
    this.#wake()
  }

  seek(offset: number): void {
    this.#next = offset
    this.#wake()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#unsubscribe()
    await this.#delivering
  }

  #wake(): void {
    this.#delivering ??= this.#deliver().finally(() => {
      this.#delivering = null
      if (!this.#closed && this.#next < this.#log.records.length) this.#wake()
    })
  }

  async #deliver(): Promise<void> {
    await nextTurn(this.#time)
    while (!this.#closed && this.#next < this.#log.records.length) {
      const from = Math.max(this.#next, this.#log.first)
      const records: JournalRecord[] = this.#log.records
        .slice(from, from + batchMax)
        .map((value, index) => ({ offset: from + index, value }))
      this.#next = from + records.length
      await this.#onRecords(records)
    }
  }
}
