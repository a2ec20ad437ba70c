/** Reads a journal for a replica: waits until it is there, follows it, notices when the read stalls or the journal shrinks. A shell. */
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import type { Journal, JournalRecord, Tail } from './journal.ts'
import { ProgressReport } from './progress-report.ts'
import { type Moment, Staleness } from './staleness.ts'

export interface JournalReaderOptions {
  readonly journal: Journal
  readonly log: Logger
  /** How long `open` waits for a journal that cannot be reached, milliseconds. */
  readonly startDeadlineMs: number
  /** The next offset that is wanted. */
  readonly offset: () => number
  /** Takes one record. What it throws is fatal. */
  readonly read: (record: JournalRecord) => void
  /** True if what is in the journal may be news. While it is not, reading takes its time. */
  readonly needsReading: () => boolean
  /** The journal was read as far as it was known to go. */
  readonly caughtUp: () => void
  /** Called after each look at the journal's end, whether it answered or not. */
  readonly looked: () => void
  readonly failed: (error: unknown) => void
}

/** How often the journal's end is asked for, milliseconds: lag, reachability, and the watchdog of the tail. */
const lookMs = 500
/** A journal that answered within so long counts as reachable, milliseconds. */
const reachableMs = 2_000
/** A read that is behind and has not moved for so long is started again, milliseconds. */
const stallMs = { first: 10_000, max: 80_000 }
/** Reading a backlog gives the event loop back after so long, milliseconds. */
const sliceMs = 5
/**
 * A writer reads its own records back only to notice that it was fenced, which its next append tells as well. So it reads this seldom,
 * milliseconds: each read costs it, and the broker, as much as an append.
 */
const restMs = 25
/** A gap that is still there after so many rereads is a loss. */
const rereadsMax = 3
/** While the journal is not there, so often is it said, milliseconds. */
const sayMs = 10_000
const openPauseMs = { first: 100, max: 1_000 }

export class JournalReader {
  /** How far a cold start or a catch-up is. */
  readonly progress: ProgressReport
  readonly #options: JournalReaderOptions
  readonly #stopping = new AbortController()
  #tail: Tail | null = null
  #timer: NodeJS.Timeout | null = null
  #end = 0
  #answeredAtMs = Number.NEGATIVE_INFINITY
  #movedAtMs = 0
  #stallMs = stallMs.first
  #offsetSeen = -1
  #rereads = { offset: -1, count: 0 }
  #looking = false
  readonly #staleness = new Staleness()
  #wake: (() => void) | null = null

  constructor(options: JournalReaderOptions) {
    this.#options = options
    this.progress = new ProgressReport(options.log)
  }

  /** Records known to stand beyond what was read. */
  get lag(): number {
    return Math.max(0, this.#end - this.#options.offset())
  }

  /** The end of the journal as last seen. */
  get end(): number {
    return this.#end
  }

  get reachable(): boolean {
    return performance.now() - this.#answeredAtMs < reachableMs
  }

  /**
   * How old what was read may be at most, milliseconds; infinite if that is not known. See {@link Staleness}. If `limitMs` is at risk, it
   * has a look taken for those who ask later.
   */
  stalenessMs(limitMs: number): number {
    const now = moment()
    const offset = this.#options.offset()
    if (this.#tail && this.#staleness.wantsLook(now, offset, limitMs)) void this.#look()
    return this.#staleness.boundMs(now, offset)
  }

  /**
   * Opens the journal, and waits for it if it cannot be reached.
   * @throws CheckpointError JOURNAL_UNSAFE at once, JOURNAL_UNREACHABLE when the deadline has passed, STOPPED.
   */
  async open(): Promise<void> {
    const { journal, log, startDeadlineMs } = this.#options
    const deadline = performance.now() + startDeadlineMs
    let sayAtMs = performance.now()
    for (let pauseMs = openPauseMs.first; ; pauseMs = Math.min(pauseMs * 2, openPauseMs.max)) {
      try {
        return await journal.open()
      } catch (error) {
        this.#stopping.signal.throwIfAborted()
        if (!mayPass(error) || performance.now() > deadline) throw error
        if (performance.now() >= sayAtMs) {
          log.warn({ event: 'waiting', reason: error.message }, 'waiting for the journal')
          sayAtMs = performance.now() + sayMs
        }
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
  }

  /** Begins to follow. @throws CheckpointError HISTORY_LOST if the beginning is gone. */
  async start(): Promise<void> {
    const { journal, offset } = this.#options
    const first = await journal.start()
    if (first > offset()) {
      throw new CheckpointError(
        'HISTORY_LOST',
        `the journal starts at offset ${first} and no snapshot covers what stood before; restore the topic, or begin with another --topic-prefix`,
      )
    }
    this.progress.begin(performance.now())
    await this.#askEnd()
    this.#stopping.signal.throwIfAborted()
    this.#tail = await journal.tail(offset(), (records) => this.#take(records))
    if (this.#stopping.signal.aborted) await this.#tail.close()
    this.#stopping.signal.throwIfAborted()
    this.#timer = setInterval(() => void this.#look(), lookMs)
    this.#checkCaughtUp()
  }

  /** Ends a rest: what is in the journal is news now. */
  wake(): void {
    this.#wake?.()
  }

  /** Reads again from an offset at which something was missing. */
  reread(from: number): void {
    const count = this.#rereads.offset === from ? this.#rereads.count + 1 : 1
    this.#rereads = { offset: from, count }
    if (count > rereadsMax) {
      const gap = `the journal has a gap at offset ${from}; stop all backends and find out who truncated the topic`
      return this.#options.failed(new CheckpointError('HISTORY_LOST', gap))
    }
    this.#options.log.warn({ offset: from }, 'a gap in what was read of the journal; reading again')
    this.#tail?.seek(from)
  }

  /** Stops looking; the journal itself stays open. */
  async stop(): Promise<void> {
    this.#stopping.abort(new CheckpointError('STOPPED', 'the checkpoint was closed'))
    if (this.#timer) clearInterval(this.#timer)
    this.wake()
    await this.#tail?.close()
  }

  async #take(records: JournalRecord[]): Promise<void> {
    let sliceEndMs = performance.now() + sliceMs
    for (const record of records) {
      if (this.#stopping.signal.aborted) return
      const expected = this.#options.offset()
      if (record.offset > expected) return this.reread(expected) // once a batch: the rest of it stands behind the same gap
      try {
        this.#options.read(record)
      } catch (error) {
        return this.#options.failed(error)
      }
      this.progress.read(1, record.value.length)
      const nowMs = performance.now()
      if (nowMs < sliceEndMs) continue
      this.progress.left('journal', this.lag, nowMs)
      await new Promise((resolve) => setImmediate(resolve))
      sliceEndMs = performance.now() + sliceMs
    }
    this.progress.left('journal', this.lag, performance.now())
    this.#checkCaughtUp()
    if (!this.#options.needsReading()) await this.#rest()
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#wake = null
        resolve()
      }
      const timer = setTimeout(end, restMs)
      this.#wake = end
    })
  }

  #checkCaughtUp(): void {
    if (this.#options.offset() < this.#end) return
    this.progress.caughtUp(this.#options.offset(), performance.now())
    this.#options.caughtUp()
  }

  #reportLook(): void {
    const nowMs = performance.now()
    if (!this.#options.needsReading()) return this.progress.leads(this.#end, nowMs)
    this.progress.looked(this.#options.offset(), this.#end, nowMs)
    this.progress.left('journal', this.lag, nowMs)
  }

  async #look(): Promise<void> {
    const { offset, failed, log, looked } = this.#options
    if (this.#looking || this.#stopping.signal.aborted) return
    this.#looking = true
    const before = offset()
    try {
      await this.#askEnd()
      if (this.#end < before) {
        const lost = `the journal ends at ${this.#end}, and ${before} records were read: Kafka lost records; stop all backends and compare what they hold`
        return failed(new CheckpointError('HISTORY_LOST', lost))
      }
      this.#watch()
      this.#reportLook()
    } catch (err) {
      if (err instanceof CheckpointError && !mayPass(err) && !this.#stopping.signal.aborted) return failed(err)
      log.debug({ err }, 'the end of the journal is not known')
    } finally {
      this.#looking = false
    }
    looked()
  }

  async #askEnd(): Promise<void> {
    const askedAt = moment()
    this.#staleness.asked(askedAt)
    this.#end = await this.#options.journal.end()
    this.#answeredAtMs = performance.now()
    this.#staleness.answered(askedAt, this.#end)
  }

  #watch(): void {
    const offset = this.#options.offset()
    const nowMs = performance.now()
    if (offset !== this.#offsetSeen || offset >= this.#end) {
      this.#movedAtMs = nowMs
      this.#stallMs = stallMs.first
    }
    this.#offsetSeen = offset
    if (nowMs - this.#movedAtMs < this.#stallMs) return
    this.#stallMs = Math.min(this.#stallMs * 2, stallMs.max) // joining a group takes seconds: a restart must be given longer than the last
    this.#options.log.warn({ offset, end: this.#end }, 'the read of the journal stalled; starting it again')
    this.#movedAtMs = nowMs
    this.#tail?.seek(offset)
  }
}

/** What is wrong with the journal now may be right later. */
function mayPass(error: unknown): error is CheckpointError {
  return error instanceof CheckpointError && (error.code === 'JOURNAL_UNREACHABLE' || error.code === 'JOURNAL_FULL')
}

function moment(): Moment {
  return { monotonicMs: performance.now(), wallMs: Date.now() }
}
