/** Says how far reading is: in the log when it is due, and to whoever asks. A thin shell around {@link Progress} and {@link Lateness}. */
import type { Logger } from 'pino'
import { describeProgress, describeTotals, Lateness, Progress, type ProgressFigures, type Stage } from './progress.ts'

/** Progress as a checkpoint tells it. */
export interface ProgressStatus extends ProgressFigures {
  /** `start` until the state is there, `catch-up` when a standby fell far behind its journal. */
  readonly reading: 'start' | 'catch-up'
}

type Reading = ProgressStatus['reading']

/** Of one checkpoint. Times are monotonic, milliseconds. */
export class ProgressReport {
  readonly #log: Logger
  readonly #lateness = new Lateness()
  #underWay: { readonly reading: Reading; readonly progress: Progress } | null = null
  #stage: Stage = 'journal'
  #records = 0
  #bytes = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** A start begins: all there is has to be read. Nothing happens if one is under way. */
  begin(nowMs: number): void {
    if (this.#underWay?.reading === 'start') return
    this.#start('start', nowMs)
  }

  /** Records of the journal, or entries of a snapshot, were read. */
  read(records: number, bytes: number): void {
    this.#records += records
    this.#bytes += bytes
  }

  /** So many records are left in all; undefined if that is not known. To be told now and then, and while nothing comes, too. */
  left(stage: Stage, left: number | undefined, nowMs: number): void {
    const current = this.#underWay
    if (!current) return
    this.#stage = stage
    if (!current.progress.reached({ stage, records: this.#records, bytes: this.#bytes, left }, nowMs)) return
    const figures = current.progress.figures(nowMs)
    const doing = current.reading === 'start' ? 'starting' : 'catching up'
    this.#log.info({ event: 'progress', ...told(current.reading, figures) }, `${doing}: ${describeProgress(figures)}`)
  }

  /** The end of the journal was looked at by a standby that had caught up once. */
  looked(offset: number, end: number, nowMs: number): void {
    if (this.#underWay?.reading === 'start') return
    const change = this.#lateness.looked(offset, end, nowMs)
    if (change === 'fell-behind') {
      this.#start('catch-up', nowMs)
      this.#log.warn(
        { event: 'behind', offset, lag: end - offset },
        `fell behind its journal by ${end - offset} records`,
      )
    } else if (change === 'caught-up') this.caughtUp(offset, nowMs)
  }

  /** It leads: it reads nothing and cannot be late. */
  leads(end: number, nowMs: number): void {
    this.#lateness.reset(end, nowMs)
    if (this.#underWay?.reading === 'catch-up') this.#underWay = null
  }

  /** All is read. */
  caughtUp(offset: number, nowMs: number): void {
    const current = this.#underWay
    if (!current) return
    current.progress.reached({ stage: this.#stage, records: this.#records, bytes: this.#bytes, left: 0 }, nowMs)
    const totals = current.progress.totals(nowMs)
    this.#underWay = null
    this.#lateness.reset(offset, nowMs)
    const again = current.reading === 'start' ? '' : ' again'
    this.#log.info(
      { event: 'caught-up', offset, ...told(current.reading, totals) },
      `caught up with the journal${again}: ${describeTotals(totals)}`,
    )
  }

  /** What is under way; null if nothing is. */
  status(nowMs: number): ProgressStatus | null {
    const current = this.#underWay
    return current && { reading: current.reading, ...current.progress.figures(nowMs) }
  }

  #start(reading: Reading, nowMs: number): void {
    this.#underWay = { reading, progress: new Progress(nowMs) }
    this.#records = 0
    this.#bytes = 0
  }
}

/** Figures as a log line carries them: rounded, as nobody needs more. */
function told(reading: Reading, figures: ProgressFigures): object {
  const { stage, records, bytes, left, ratio, recordsPerS, bytesPerS, remainingMs, tookMs } = figures
  return {
    ...{ reading, stage, records, bytes, left },
    percent: Math.floor(ratio * 100),
    recordsPerS: Math.round(recordsPerS),
    bytesPerS: Math.round(bytesPerS),
    remainingMs: remainingMs === null ? null : Math.round(remainingMs),
    tookMs: Math.round(tookMs),
  }
}
