/** Reads a journal, judges its records and prints them. */
import type { Logger } from 'pino'
import { CheckpointError } from '../../checkpoint/errors.ts'
import { Inspection } from '../../checkpoint/inspection.ts'
import { type StartChoice, startChoices } from '../../checkpoint/inspection-start.ts'
import type { JournalRecord } from '../../checkpoint/journal.ts'
import type { JournalReads } from '../../checkpoint/journal-reads.ts'
import { checksum } from '../../checkpoint/snapshot-chunk.ts'
import type { Manifest } from '../../checkpoint/snapshot-manifest.ts'
import { journalLine } from './line.ts'
import type { LineOutput } from './line-output.ts'

export interface PrintOptions {
  /** First offset to print; undefined: the first that is still there. */
  readonly from?: number | undefined
  /** Prints no more than so many. */
  readonly limit?: number | undefined
  /** Prints the void ones only. */
  readonly void: boolean
  /** Goes on as records come. */
  readonly follow: boolean
}

export interface PrintPorts {
  readonly reads: JournalReads
  readonly output: LineOutput
  readonly log: Logger
}

/**
 * Prints what is asked for. Resolves when it is done, nobody reads any more, or `signal` is aborted.
 * @throws CheckpointError at the first record that every reader stops at (it is printed before), and what the journal says
 */
export async function printJournal(options: PrintOptions, ports: PrintPorts, signal: AbortSignal): Promise<void> {
  try {
    await printFrom(options, ports, signal)
  } finally {
    await ports.output.flush()
  }
}

async function printFrom(options: PrintOptions, ports: PrintPorts, signal: AbortSignal): Promise<void> {
  const { reads, output, log } = ports
  const bounds = await reads.bounds()
  const from = Math.max(options.from ?? 0, bounds.first)
  if ((options.from ?? from) < from) log.warn({ first: from }, `what stood before offset ${from} is gone`)
  const until = options.follow ? Number.POSITIVE_INFINITY : bounds.end
  const stop = AbortSignal.any([signal, output.closed])
  if (from >= until) return
  for (const choice of startChoices(from, bounds, await manifestsOf(ports))) {
    const printing = new Printing(new Inspection(choice.start), { ...options, from, until }, output, log)
    if ('why' in choice.start) log.warn(`${choice.start.why}: a verdict that depends on it is "unknown"`)
    if (await print(choice, printing, reads, stop)) return printing.close()
    log.warn(`the snapshot at offset ${choice.start.offset} is of another journal; beginning before it`)
  }
}

/** False if the record before the start is not the one that it should be; then nothing was printed. */
async function print(
  choice: StartChoice,
  printing: Printing,
  reads: JournalReads,
  stop: AbortSignal,
): Promise<boolean> {
  const { start, recordBefore } = choice
  let checked = recordBefore === null
  for await (const records of interruptible(reads.records(checked ? start.offset : start.offset - 1), stop)) {
    for (const record of records) {
      if (stop.aborted) return true
      if (!checked) {
        if (record.offset !== start.offset - 1 || checksum(record.value) !== recordBefore) return false
        checked = true
      } else if (await printing.take(record)) return true
    }
  }
  return true
}

/** Without them it takes longer, or less is known. */
async function manifestsOf({ reads, log }: PrintPorts): Promise<readonly Manifest[]> {
  try {
    return await reads.manifests()
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    log.warn({ reason: error.message }, 'the snapshots cannot be read')
    return []
  }
}

interface PrintingOptions extends PrintOptions {
  readonly from: number
  /** The first offset that is not wanted. */
  readonly until: number
}

class Printing {
  readonly #inspection: Inspection
  readonly #options: PrintingOptions
  readonly #output: LineOutput
  readonly #log: Logger
  #printed = 0
  #leftOut = 0

  constructor(inspection: Inspection, options: PrintingOptions, output: LineOutput, log: Logger) {
    this.#inspection = inspection
    this.#options = options
    this.#output = output
    this.#log = log
  }

  /** True if it was the last one that is wanted. */
  async take(record: JournalRecord): Promise<boolean> {
    if (record.offset < this.#inspection.offset) return false
    const inspected = this.#inspection.inspect(record)
    const { offset, verdict, why } = inspected
    const stops = verdict === 'unreadable' || verdict === 'diverged'
    const { from, until, limit = Number.POSITIVE_INFINITY } = this.#options
    if (offset < from) {
      if (stops) this.#log.warn({ offset }, why ?? verdict)
      return false
    }
    if (verdict === 'unknown' && this.#options.void) this.#leftOut++
    if (!this.#options.void || verdict === 'void' || stops) {
      await this.#output.write(journalLine(inspected))
      this.#printed++
    }
    if (verdict === 'unreadable') throw new CheckpointError('JOURNAL_UNREADABLE', why ?? verdict)
    if (verdict === 'diverged') throw new CheckpointError('HISTORY_DIVERGED', why ?? verdict)
    return this.#printed >= limit || offset + 1 >= until
  }

  close(): void {
    if (this.#leftOut > 0)
      this.#log.warn(`left out ${this.#leftOut} records of which it is not known whether they are void`)
  }
}

/** Ends, without an error, when the signal is aborted: also while nothing comes. */
async function* interruptible<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  const aborted = Promise.withResolvers<null>()
  const onAbort = () => aborted.resolve(null)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    for (;;) {
      const next = await Promise.race([aborted.promise, iterator.next()])
      if (next === null || next.done) return
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    void iterator.return?.() // a generator that waits for records hears this when one comes, or when it is closed
  }
}
