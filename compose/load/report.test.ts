import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finding } from './findings.ts'
import { longestPauseMs } from './pauses.ts'
import { isClean, type LoadReport, reportOf, summaryOf } from './report.ts'
import { type Judged, Tally } from './tally.ts'

function judged(intendedMs: number, endMs: number, error?: string): Judged {
  return { intendedMs, endMs, error, backend: 'b', epoch: 1 }
}

function tallyOf(entries: Judged[]): Tally {
  const tally = new Tally(0)
  for (const entry of entries) tally.add(entry)
  return tally
}

const one = tallyOf([judged(0, 1)])

/** Latencies are within a thousandth. */
function withoutLatency({ latencyMs, ...report }: LoadReport) {
  return report
}

test('the report has the shape that scripts rely on', () => {
  const tally = tallyOf([judged(0, 2), judged(10, 13), judged(30, 31, 'ECONNRESET'), judged(20, 60)])
  const report = reportOf({ tally, findings: [], abandoned: 0 })
  assert.deepEqual(withoutLatency(report), {
    requests: 4,
    ok: 3,
    errors: { ECONNRESET: 1 },
    lost: 0,
    doubled: 0,
    pauseMs: 47,
    throughput: 50,
    backends: { b: 3 },
  })
  assert.deepEqual(report.latencyMs, { p50: 3, p90: 40, p99: 40, p999: 40, max: 40 })
})

test('latency counts from the intended time', () => {
  const tally = tallyOf([judged(0, 500)])
  assert.equal(reportOf({ tally, findings: [], abandoned: 0 }).latencyMs.max, 500)
})

test('stale reads and wrong answers are errors, lost and doubled are their own', () => {
  const findings = [
    finding('stale', 'k', ''),
    finding('wrong', 'k', ''),
    finding('lost', 'k', ''),
    finding('doubled', 'k', '', 3),
  ]
  const report = reportOf({ tally: one, findings, abandoned: 0 })
  assert.deepEqual(report.errors, { STALE_READ: 1, WRONG_ANSWER: 1 })
  assert.deepEqual([report.lost, report.doubled], [1, 3])
})

test('what was never sent, and a run that could not be verified, are errors', () => {
  const report = reportOf({ tally: one, findings: [], abandoned: 2, readBackFailures: 1 })
  assert.deepEqual(report.errors, { NOT_SENT: 2, READ_BACK_FAILED: 1 })
  assert.equal(report.requests, 3)
  assert.equal(isClean(report), false)
})

test('a run without a request proves nothing', () => {
  const report = reportOf({ tally: tallyOf([]), findings: [], abandoned: 0 })
  assert.equal(report.latencyMs.max, 0)
  assert.equal(isClean(report), false)
})

test('a run is clean only without errors, lost and doubled', () => {
  const clean = reportOf({ tally: one, findings: [], abandoned: 0 })
  assert.equal(isClean(clean), true)
  for (const broken of [{ errors: { ECONNRESET: 1 } }, { lost: 1 }, { doubled: 1 }])
    assert.equal(isClean({ ...clean, ...broken }), false)
})

test('a pause is the longest gap that overlaps the time asked about', () => {
  const answersMs = [0, 50, 60, 90, 95, 200]
  assert.equal(longestPauseMs(answersMs), 105)
  assert.equal(longestPauseMs(answersMs, 55, 70), 30)
  assert.equal(longestPauseMs(answersMs, 70, 80), 30)
  assert.equal(longestPauseMs(answersMs, 300, 400), 0)
  assert.equal(longestPauseMs([5]), 0)
})

test('a summary names the findings, and how many it left out', () => {
  const findings = Array.from({ length: 12 }, (_, index) => finding('lost', `key-${index}`, 'gone'))
  const text = summaryOf(reportOf({ tally: one, findings, abandoned: 0 }), findings)
  assert.match(text, /lost +key-0: gone/)
  assert.match(text, /and 2 more/)
})
