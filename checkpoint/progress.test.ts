import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { describeProgress, describeTotals, Lateness, Progress, type ProgressFigures } from './progress.ts'

const journal = (records: number, left: number | undefined) => ({
  stage: 'journal' as const,
  records,
  bytes: records * 100,
  left,
})

/** Reads at a steady pace; returns when lines were due. */
function linesOf(forMs: number, stepMs = 100): number[] {
  const progress = new Progress(0)
  const said: number[] = []
  for (let nowMs = stepMs; nowMs <= forMs; nowMs += stepMs)
    if (progress.reached(journal(nowMs, forMs - nowMs), nowMs)) said.push(nowMs)
  return said
}

describe('progress', () => {
  it('says nothing of what takes less than a second, and then a line every five seconds at most', () => {
    assert.deepEqual(linesOf(900), [])
    assert.deepEqual(linesOf(1_000), [1_000])
    assert.deepEqual(linesOf(12_000), [1_000, 6_000, 11_000])
  })

  it('says a late line late, and not two for it', () => {
    const progress = new Progress(0)
    assert.deepEqual(
      [20_000, 20_100, 24_900, 25_000].map((nowMs) => progress.reached(journal(nowMs, 1), nowMs)),
      [true, false, false, true],
    )
  })

  it('knows the share, the rate and the time that is left', () => {
    const progress = new Progress(1_000)
    for (let ms = 100; ms <= 2_000; ms += 100) progress.reached(journal(ms * 10, 100_000 - ms * 10), 1_000 + ms)
    const { ratio, recordsPerS, bytesPerS, remainingMs, tookMs } = progress.figures(3_000)
    assert.deepEqual([ratio, recordsPerS, bytesPerS, remainingMs, tookMs], [0.2, 10_000, 1_000_000, 8_000, 2_000])
  })

  it('has rates of the last seconds, not of all the time: a stall shows, and so does a sprint', () => {
    const progress = new Progress(0)
    for (let ms = 100; ms <= 10_000; ms += 100) progress.reached(journal(ms, 100_000 - ms), ms)
    for (let ms = 10_100; ms <= 20_000; ms += 100) progress.reached(journal(10_000, 90_000), ms)
    assert.deepEqual([progress.figures(20_000).recordsPerS, progress.figures(20_000).remainingMs], [0, null])
    for (let ms = 20_100; ms <= 30_000; ms += 100) progress.reached(journal((ms - 19_000) * 10, 50_000), ms)
    assert.ok(Math.abs(progress.figures(30_000).recordsPerS - 10_000) < 500)
  })

  it('counts what the journal grows by against the time that is left', () => {
    const progress = new Progress(0)
    for (let ms = 100; ms <= 5_000; ms += 100) progress.reached(journal(ms * 2, 10_000 - ms), ms) // reads 2, grows by 1
    assert.ok(Math.abs(progress.figures(5_000).remainingMs! - 5_000) < 150)
    const slow = new Progress(0)
    for (let ms = 100; ms <= 5_000; ms += 100) slow.reached(journal(ms, 10_000 + ms), ms)
    assert.equal(slow.figures(5_000).remainingMs, null)
  })

  it('knows no share and no time while the end is not known, and shows the rate all the same', () => {
    const progress = new Progress(0)
    progress.reached(journal(500, undefined), 1_000)
    const { ratio, remainingMs, recordsPerS } = progress.figures(1_000)
    assert.deepEqual([ratio, remainingMs, recordsPerS], [0, null, 500])
  })

  it('is all of it where there was nothing to read', () => {
    const progress = new Progress(0)
    progress.reached(journal(0, 0), 1)
    assert.equal(progress.figures(1).ratio, 1)
  })

  it('closes with totals over all the time it took', () => {
    const progress = new Progress(500)
    for (let ms = 100; ms <= 10_000; ms += 100) progress.reached(journal(ms, 10_000 - ms), 500 + ms)
    const { records, bytes, left, ratio, recordsPerS, tookMs } = progress.totals(20_500)
    assert.deepEqual([records, bytes, left, ratio, recordsPerS, tookMs], [10_000, 1_000_000, 0, 1, 500, 20_000])
  })

  it('never shows a figure that is none, whatever is read and whenever', () => {
    const step = fc.record({
      ms: fc.nat(3_000),
      records: fc.nat(1_000),
      left: fc.option(fc.nat(10_000), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const progress = new Progress(0)
        let nowMs = 0
        let records = 0
        let lines = 0
        for (const one of steps) {
          nowMs += one.ms
          records += one.records
          if (progress.reached(journal(records, one.left), nowMs)) lines++
          for (const figures of [progress.figures(nowMs), progress.totals(nowMs)]) {
            assert.ok(figures.ratio >= 0 && figures.ratio <= 1)
            assert.ok(Number.isFinite(figures.recordsPerS) && figures.recordsPerS >= 0)
            assert.ok(
              figures.remainingMs === null || (Number.isFinite(figures.remainingMs) && figures.remainingMs >= 0),
            )
            assert.ok((figures.ratio === 1) === (figures.left === 0))
          }
        }
        assert.ok(lines <= Math.floor((nowMs + 4_000) / 5_000), `${lines} lines in ${nowMs} ms`)
      }),
    )
  })

  it('keeps few samples, however often it is told', () => {
    const progress = new Progress(0)
    const before = process.memoryUsage().heapUsed
    for (let count = 0; count < 200_000; count++) progress.reached(journal(count, 1), count / 1_000)
    assert.ok(process.memoryUsage().heapUsed - before < 50e6)
    assert.ok(Math.abs(progress.figures(200).recordsPerS - 1e6) < 1e4)
  })
})

describe('a standby is far behind', () => {
  /** Looks every 500 ms; what each says. */
  const looks = (lateness: Lateness, from: number, pairs: [offset: number, end: number][]) =>
    pairs.map(([offset, end], index) => lateness.looked(offset, end, from + index * 500))

  it('when it has not reached in two seconds an end that it saw, and no longer when it has reached what it saw last', () => {
    const lateness = new Lateness()
    assert.deepEqual(
      looks(lateness, 0, [
        [0, 0],
        [0, 100],
        [10, 200],
        [20, 300],
        [30, 400],
        [40, 500],
        [50, 600],
        [500, 700],
        [700, 800],
      ]),
      [null, null, null, null, null, 'fell-behind', null, null, 'caught-up'],
    )
    assert.equal(lateness.late, false)
  })

  it('never as long as it gets everywhere within two seconds, however much is written', () => {
    const lateness = new Lateness()
    for (let turn = 0; turn < 100; turn++)
      assert.equal(lateness.looked(Math.max(0, turn - 2) * 10_000, turn * 10_000, turn * 500), null)
  })

  it('not because nothing is written, nor right after it has led', () => {
    const lateness = new Lateness()
    for (let turn = 0; turn < 20; turn++) assert.equal(lateness.looked(5, 5, turn * 500), null)
    lateness.looked(5, 900, 10_000)
    lateness.reset(900, 60_000)
    assert.equal(lateness.looked(5, 900, 60_500), null)
    assert.equal(lateness.looked(5, 900, 62_500), 'fell-behind')
  })
})

describe('progress in words', () => {
  const figures: ProgressFigures = {
    ...{ stage: 'journal', records: 431_000, bytes: 44e6, left: 569_000, ratio: 0.431 },
    ...{ recordsPerS: 120_400.4, bytesPerS: 12 * 1024 ** 2, remainingMs: 4_700, tookMs: 3_600 },
  }

  it('says share, what is left, rate and time', () => {
    assert.equal(
      describeProgress(figures),
      '43 %, reading the journal, 569,000 records to go, 120,400 records/s (12.0 MiB/s), 5 s left',
    )
    assert.match(describeProgress({ ...figures, stage: 'snapshot', remainingMs: 400_000 }), /a snapshot.*, 7 min left$/)
    assert.match(describeProgress({ ...figures, remainingMs: 9e6 }), /, 3 h left$/)
  })

  it('never says 100 % before the end, and nothing that is not known', () => {
    assert.match(describeProgress({ ...figures, ratio: 0.9999 }), /^99 %/)
    assert.match(describeProgress({ ...figures, remainingMs: null }), /, not getting nearer$/)
    assert.equal(
      describeProgress({ ...figures, left: undefined, ratio: 0, remainingMs: null }),
      'reading the journal, 120,400 records/s (12.0 MiB/s)',
    )
  })

  it('closes with totals', () => {
    assert.equal(describeTotals(figures), '431,000 records (42.0 MiB) in 3.6 s, 120,400 records/s')
  })
})
