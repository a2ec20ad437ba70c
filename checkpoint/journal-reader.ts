/** Reads a journal for a replica: waits until it is there, follows it, notices when the read stalls or the journal shrinks. A shell. */
import type { Logger } from 'pino'
import { EndDoubt } from './end-doubt.ts'
import { CheckpointError } from './errors.ts'
import type { Journal, JournalRecord, Tail } from './journal.ts'
import { ProgressReport } from './progress-report.ts'
import { type Moment, momentOf, Staleness } from './staleness.ts'
import { TailWatch } from './tail-watch.ts'
import { nextTurn, sleep, type Time } from './time.ts'

/** How far a journal goes. */
export interface JournalExtent {
  /** Its first record that could be read when that was asked for. */
  readonly start: number
  /** Asks for the offset that its next record will get. To be called before it is known how far the state must go to be one. */
  readonly askEnd: () => Promise<number>
}

export interface JournalReaderOptions {
  readonly journal: Journal
  readonly log: Logger
  readonly time: Time
  /** How long `open` waits for a journal that cannot be reached, milliseconds. */
  readonly startDeadlineMs: number
  /** The next offset that is wanted. */
  readonly offset: () => number
  /** The offset that an append was answered with, while it is not read yet; null if there is none. */
  readonly awaited: () => number | null
  /**
   * Brings the state to where reading goes on from, before anything is read. `begin` says from which offset; it may be called early, so that
   * joining goes on meanwhile, and again. What it throws ends the start, but for JOURNAL_UNREACHABLE: then it is tried again.
   */
  readonly restore: (extent: JournalExtent, begin: (from: number) => void) => Promise<void>
  /** The journal no longer has the next record: true if the state may be restored, else that is fatal. */
  readonly mayRestore: () => boolean
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
  #cancelLooks: () => void = () => undefined
  #end = 0
  #answeredAtMs = Number.NEGATIVE_INFINITY
  /** The tail brought all records below. */
  #brought = 0
  #rereads = { offset: -1, count: 0 }
  #looking = false
  #checkingGap = false
  /** While the state is being restored nothing is read. */
  #restoring: Promise<void> | null = null
  readonly #staleness = new Staleness()
  readonly #doubt = new EndDoubt()
  readonly #tailWatch = new TailWatch()
  #wake: (() => void) | null = null

  constructor(options: JournalReaderOptions) {
    this.#options = options
    this.progress = new ProgressReport(options.log)
  }

  /** Records known to stand beyond what was read. */
  get lag(): number {
    return Math.max(0, this.#end - this.#options.offset())
  }

  /** The end of the journal as last seen by a look that is to be believed. */
  get end(): number {
    return this.#end
  }

  /** While an end is told that cannot be, who asks is told by a broker that is out of touch, or nobody knows: that is no journal to lead upon. */
  get reachable(): boolean {
    return !this.#doubt.doubtful && this.#options.time.now() - this.#answeredAtMs < reachableMs
  }

  /**
   * How old what was read may be at most, milliseconds; infinite if that is not known. See {@link Staleness}. If `limitMs` is at risk, it
   * has a look taken for those who ask later.
   */
  stalenessMs(limitMs: number): number {
    const now = momentOf(this.#options.time)
    const offset = this.#options.offset()
    const mayLook = this.#tail !== null && !this.#doubt.doubtful // a look afresh is a connection
    if (mayLook && this.#staleness.wantsLook(now, offset, limitMs)) void this.#look()
    return this.#staleness.boundMs(now, offset)
  }

  /**
   * Opens the journal, and what `beside` opens, and waits for them if they cannot be reached.
   * @throws CheckpointError JOURNAL_UNSAFE at once, JOURNAL_UNREACHABLE when the deadline has passed, STOPPED.
   */
  async open(beside: () => Promise<void> | undefined = () => undefined): Promise<void> {
    const { journal, log, time, startDeadlineMs } = this.#options
    const deadline = time.now() + startDeadlineMs
    let sayAtMs = time.now()
    for (let pauseMs = openPauseMs.first; ; pauseMs = Math.min(pauseMs * 2, openPauseMs.max)) {
      try {
        await Promise.all([journal.open(), beside()])
        return
      } catch (error) {
        this.#stopping.signal.throwIfAborted()
        if (!mayPass(error) || time.now() > deadline) throw error
        if (time.now() >= sayAtMs) {
          log.warn({ event: 'waiting', reason: error.message }, 'waiting for the journal')
          sayAtMs = time.now() + sayMs
        }
        await sleep(time, pauseMs)
      }
    }
  }

  /** Restores what may be, and begins to follow. @throws CheckpointError HISTORY_LOST if the beginning is gone; what `restore` throws. */
  async start(): Promise<void> {
    const { time, startDeadlineMs } = this.#options
    await this.#restore(time.now() + startDeadlineMs)
    this.#cancelLooks = time.every(lookMs, () => void this.#look())
    this.#checkCaughtUp()
  }

  /** Ends a rest: what is in the journal is news now. */
  wake(): void {
    this.#wake?.()
  }

  /** An append that was sent when `read` records had been read was answered with `offset`. */
  appended(read: number, offset: number): void {
    if (this.#doubt.appended(read, offset)) void this.#look()
  }

  /** Something was missing at an offset: reads again from there, or, if it was truncated away, restores the state. */
  reread(from: number): void {
    if (!this.#checkingGap) void this.#gap(from)
  }

  async #gap(from: number): Promise<void> {
    const { log, failed, mayRestore } = this.#options
    this.#checkingGap = true
    const start = await this.#startOnceKnown(from)
    this.#checkingGap = false
    if (start === null || this.#stopping.signal.aborted || this.#restoring || this.#options.offset() !== from) return
    if (start <= from || !mayRestore()) return this.#seekGap(from)
    log.warn(
      { event: 'restoring', offset: from, start },
      `the journal was truncated to ${start} ahead of what was read`,
    )
    this.#restore(Number.POSITIVE_INFINITY).then(
      () => this.#checkCaughtUp(),
      (error: unknown) => {
        if (error !== this.#stopping.signal.reason) failed(error)
      },
    )
  }

  /** Asks until it is told where the journal starts: what is not known is no loss. Null if reading went on from `from` meanwhile. */
  async #startOnceKnown(from: number): Promise<number | null> {
    for (let pauseMs = openPauseMs.first; ; pauseMs = Math.min(pauseMs * 2, openPauseMs.max)) {
      try {
        return await this.#options.journal.start()
      } catch (err) {
        this.#options.log.debug({ err }, 'the start of the journal is not known')
      }
      await sleep(this.#options.time, pauseMs)
      if (this.#stopping.signal.aborted || this.#options.offset() !== from) return null
    }
  }

  /** Tries until the deadline; no record is taken meanwhile. */
  async #restore(deadlineMs: number): Promise<void> {
    const { time, log } = this.#options
    const restored = Promise.withResolvers<void>()
    this.#restoring = restored.promise
    this.progress.begin(time.now())
    try {
      for (let pauseMs = openPauseMs.first; ; pauseMs = Math.min(pauseMs * 2, openPauseMs.max)) {
        try {
          return await this.#restoreOnce()
        } catch (error) {
          this.#stopping.signal.throwIfAborted()
          if (!mayPass(error) || time.now() > deadlineMs) {
            void this.stop() // what the tail has brought already is not to be read upon half a state
            throw error
          }
          log.warn({ event: 'waiting', reason: error.message }, 'waiting for the journal')
          await sleep(time, pauseMs)
        }
      }
    } finally {
      this.#restoring = null
      this.#rereads = { offset: -1, count: 0 }
      restored.resolve()
    }
  }

  async #restoreOnce(): Promise<void> {
    const { journal, restore } = this.#options
    const start = await journal.start()
    this.#stopping.signal.throwIfAborted()
    let opening = Promise.resolve()
    const begin = (from: number) => {
      opening = opening.then(async () => {
        if (this.#tail) this.#tail.seek(from)
        else this.#tail = await journal.tail(from, (records) => this.#take(records))
      })
      opening.catch(() => undefined) // awaited below
    }
    await restore({ start, askEnd: () => this.#askEnd() }, begin)
    await opening
    if (this.#stopping.signal.aborted) await this.#tail?.close()
    this.#stopping.signal.throwIfAborted()
  }

  #seekGap(from: number): void {
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
    this.#cancelLooks()
    this.wake()
    await this.#tail?.close()
  }

  async #take(records: JournalRecord[]): Promise<void> {
    this.#brought = Math.max(this.#brought, (records.at(-1)?.offset ?? -1) + 1)
    while (this.#restoring) await this.#restoring
    const { time } = this.#options
    let sliceEndMs = time.now() + sliceMs
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
      const nowMs = time.now()
      if (nowMs < sliceEndMs) continue
      this.progress.left('journal', this.lag, nowMs)
      await nextTurn(time)
      while (this.#restoring) await this.#restoring
      sliceEndMs = time.now() + sliceMs
    }
    this.progress.left('journal', this.lag, time.now())
    this.#checkCaughtUp()
    if (!this.#options.needsReading()) await this.#rest()
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        this.#wake = null
        resolve()
      }
      const cancel = this.#options.time.after(restMs, end)
      this.#wake = end
    })
  }

  #checkCaughtUp(): void {
    if (this.#restoring || this.#options.offset() < this.#end) return
    this.progress.caughtUp(this.#options.offset(), this.#options.time.now())
    this.#options.caughtUp()
  }

  #reportLook(): void {
    const nowMs = this.#options.time.now()
    if (!this.#options.needsReading()) return this.progress.leads(this.#end, nowMs)
    this.progress.looked(this.#options.offset(), this.#end, nowMs)
    this.progress.left('journal', this.lag, nowMs)
  }

  async #look(): Promise<void> {
    const { failed, log, looked } = this.#options
    if (this.#looking || this.#stopping.signal.aborted) return
    this.#looking = true
    const doubted = this.#doubt.doubtful
    try {
      const lost = await this.#lookOnce()
      if (lost) return failed(lost)
      if (this.#restoring) return
      this.#watch()
      this.#reportLook()
    } catch (err) {
      if (err instanceof CheckpointError && !mayPass(err) && !this.#stopping.signal.aborted) return failed(err)
      log.debug({ err }, 'the end of the journal is not known')
    } finally {
      this.#looking = false
    }
    looked()
    if (!doubted && this.#doubt.doubtful) void this.#look() // another broker may know better at once
  }

  /** Asks where the journal ends. Resolves with what is fatal about the answer, or null. */
  async #lookOnce(): Promise<CheckpointError | null> {
    const { journal, time, offset, awaited } = this.#options
    const known = { read: offset(), awaited: awaited(), afresh: this.#doubt.doubtful }
    const askedAt = momentOf(time)
    this.#staleness.asked(askedAt)
    const end = await journal.end(known.afresh)
    const verdict = this.#doubt.judge({ ...known, end }, time.now())
    if (verdict === 'sound') this.#believe(askedAt, end)
    this.#reportDoubt(known.afresh, end, known.read)
    if (verdict !== 'lost') return null
    const lost = `the journal ends at ${end}, and ${known.read} records were read: Kafka lost records; stop all backends and compare what they hold`
    return new CheckpointError('HISTORY_LOST', lost)
  }

  async #askEnd(): Promise<number> {
    const askedAt = momentOf(this.#options.time)
    this.#staleness.asked(askedAt)
    this.#believe(askedAt, await this.#options.journal.end())
    return this.#end
  }

  #believe(askedAt: Moment, end: number): void {
    this.#end = end
    this.#answeredAtMs = this.#options.time.now()
    this.#staleness.answered(askedAt, end)
  }

  #reportDoubt(before: boolean, end: number, read: number): void {
    const { log, time, offset } = this.#options
    const { doubtful } = this.#doubt
    if (before === doubtful) return
    if (!doubtful)
      return log.warn(
        { event: 'end-believed', end },
        `the journal ends at ${end}: a broker had said less that is out of touch`,
      )
    log.warn(
      { event: 'end-doubted', end, offset: read },
      `the journal is said to end at ${end}, and more is known of it; asking other brokers`,
    )
    if (this.#brought > end) return // the tail stands at a better broker
    this.#tailWatch.restarted(time.now())
    this.#tail?.seek(offset())
  }

  #watch(): void {
    const { time, log, offset, awaited } = this.#options
    const next = offset()
    if (!this.#tailWatch.stalled(time.now(), next, this.#end, awaited())) return
    log.warn({ offset: next, end: this.#end, awaited: awaited() }, 'the read of the journal stalled; starting it again')
    this.#tail?.seek(next)
  }
}

/** What is wrong with the journal now may be right later. */
function mayPass(error: unknown): error is CheckpointError {
  return error instanceof CheckpointError && (error.code === 'JOURNAL_UNREACHABLE' || error.code === 'JOURNAL_FULL')
}
