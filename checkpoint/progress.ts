/** How far a cold start or a catch-up has come, how fast it goes, how long it will take, and when to say so. Pure. */

/** What is being read. */
export type Stage = 'snapshot' | 'journal'

/** How far reading is at a moment. Records are entries of a snapshot or records of the journal: each is one thing to apply. */
export interface Reached {
  readonly stage: Stage
  /** Records read since it began. */
  readonly records: number
  /** Their size. */
  readonly bytes: number
  /** Records known to be left; undefined while that is not known. */
  readonly left: number | undefined
}

/** Progress as it is shown. */
export interface ProgressFigures extends Reached {
  /** Share of what is to be read that is read, from 0 to 1; 0 while the whole is not known. */
  readonly ratio: number
  /** Of the last seconds. */
  readonly recordsPerS: number
  readonly bytesPerS: number
  /** How long it will take if it goes on as in the last seconds; null if it does not come nearer to its end. */
  readonly remainingMs: number | null
  /** Since it began. */
  readonly tookMs: number
}

/** Rates are of so long, milliseconds: long enough to be calm, short enough to show a stall. */
const windowMs = 5_000
/** Samples within it, at most. */
const samplesMax = 20
/** Nothing is said of what takes less than this, milliseconds. */
const quietMs = 1_000
/** Lines are at least so far apart, milliseconds. */
const sayMs = 5_000

interface Sample extends Reached {
  readonly atMs: number
}

/** Follows one cold start or catch-up. Times are monotonic, milliseconds. */
export class Progress {
  readonly #beganAtMs: number
  readonly #samples: Sample[]
  #last: Sample
  #saidAtMs: number

  constructor(nowMs: number) {
    this.#beganAtMs = nowMs
    this.#last = { stage: 'journal', records: 0, bytes: 0, left: undefined, atMs: nowMs }
    this.#samples = [this.#last]
    this.#saidAtMs = nowMs - sayMs + quietMs
  }

  /** Notes how far it is. True if a line is due, which is then taken to be written. */
  reached(reached: Reached, nowMs: number): boolean {
    const { records, left } = reached
    if (this.#last.left === undefined && left !== undefined && this.#samples.length === 1)
      this.#samples[0] = { ...this.#samples[0]!, left: left + records } // what there was to read when it began
    this.#last = { ...reached, atMs: nowMs }
    if (nowMs - this.#samples.at(-1)!.atMs >= windowMs / samplesMax) this.#samples.push(this.#last)
    while (this.#samples.length > 1 && nowMs - this.#samples[1]!.atMs >= windowMs) this.#samples.shift()
    if (nowMs - this.#saidAtMs < sayMs) return false
    this.#saidAtMs = nowMs
    return true
  }

  /** Where it stands. */
  figures(nowMs: number): ProgressFigures {
    const { stage, records, bytes, left } = this.#last
    const from = this.#samples[0]!
    const spanMs = Math.max(1, nowMs - from.atMs)
    const nearer = from.left === undefined || left === undefined ? records - from.records : from.left - left
    return {
      ...{ stage, records, bytes, left },
      ratio: left === undefined ? 0 : left <= 0 ? 1 : records / (records + left),
      recordsPerS: ((records - from.records) / spanMs) * 1_000,
      bytesPerS: ((bytes - from.bytes) / spanMs) * 1_000,
      remainingMs: left === undefined || nearer <= 0 ? null : Math.max(0, left) * (spanMs / nearer),
      tookMs: nowMs - this.#beganAtMs,
    }
  }

  /** The whole of it, once it is over: rates are of all the time it took. */
  totals(nowMs: number): ProgressFigures {
    const { stage, records, bytes } = this.#last
    const tookMs = nowMs - this.#beganAtMs
    const perS = 1_000 / Math.max(1, tookMs)
    return {
      ...{ stage, records, bytes, left: 0, ratio: 1, remainingMs: 0, tookMs },
      ...{ recordsPerS: records * perS, bytesPerS: bytes * perS },
    }
  }
}

/** A standby that has not reached an end of the journal so long after it was seen is far behind, milliseconds. */
const farBehindMs = 2_000

/** Notices when a standby that had caught up falls far behind its journal, and when it has caught up again. Pure. */
export class Lateness {
  /** An end of the journal that is yet to be reached, and when it was seen. */
  #mark = { end: 0, seenAtMs: Number.NEGATIVE_INFINITY }
  #endBefore = Number.POSITIVE_INFINITY
  #late = false

  /** True between falling behind and catching up. */
  get late(): boolean {
    return this.#late
  }

  /**
   * The journal was seen to end at `end`, and has been read to `offset`. To be told of looks at a regular pace. It has caught up again when
   * it has reached the end of the look before: by then it is as near as anyone who follows.
   */
  looked(offset: number, end: number, nowMs: number): 'fell-behind' | 'caught-up' | null {
    const endBefore = this.#endBefore
    this.#endBefore = end
    if (this.#late) {
      if (offset < Math.min(end, endBefore)) return null
      this.reset(end, nowMs)
      return 'caught-up'
    }
    if (offset >= this.#mark.end) this.#mark = { end, seenAtMs: nowMs }
    else if (nowMs - this.#mark.seenAtMs >= farBehindMs) {
      this.#late = true
      return 'fell-behind'
    }
    return null
  }

  /** What was does not count: it led, or read all anew. */
  reset(end: number, nowMs: number): void {
    this.#mark = { end, seenAtMs: nowMs }
    this.#late = false
  }
}

/** Progress in a line for a person, such as `43 % of the journal, 120,000 records/s (18 MiB/s), 5 s left`. */
export function describeProgress(figures: ProgressFigures): string {
  const { stage, left, ratio, recordsPerS, bytesPerS, remainingMs } = figures
  const share = left === undefined ? 'reading' : `${Math.floor(ratio * 100)} %, reading`
  const what = stage === 'snapshot' ? 'a snapshot' : 'the journal'
  const rate = `${grouped(recordsPerS)} records/s (${(bytesPerS / 1024 ** 2).toFixed(1)} MiB/s)`
  if (left === undefined) return `${share} ${what}, ${rate}`
  const rest = remainingMs === null ? 'not getting nearer' : `${describeTime(remainingMs)} left`
  return `${share} ${what}, ${grouped(left)} records to go, ${rate}, ${rest}`
}

/** What was read in all, such as `1,100,000 records (140.2 MiB) in 4.2 s, 261,905 records/s`. */
export function describeTotals({ records, bytes, recordsPerS, tookMs }: ProgressFigures): string {
  const size = (bytes / 1024 ** 2).toFixed(1)
  return `${grouped(records)} records (${size} MiB) in ${(tookMs / 1_000).toFixed(1)} s, ${grouped(recordsPerS)} records/s`
}

function describeTime(timeMs: number): string {
  const seconds = Math.max(1, Math.ceil(timeMs / 1_000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3_600)} h`
}

const grouping = new Intl.NumberFormat('en-US')

function grouped(value: number): string {
  return grouping.format(Math.round(value))
}
