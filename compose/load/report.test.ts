import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finding } from './findings.ts'
import type { HistoryEntry, Outcome } from './operations.ts'
import { longestPauseMs } from './pauses.ts'
import { isClean, percentile, reportOf, summaryOf } from './report.ts'

const good: Outcome = { type: 'answered', answer: { type: 'count', value: 1 } }

function entry(intendedMs: number, endMs: number, outcome: Outcome = good): HistoryEntry {
  const operation = { op: 'read-counter', counter: 'c' } as const
  return { operation, intendedMs, startMs: endMs - 1, endMs, outcome, status: 200, backend: 'b', epoch: 1, replays: 0 }
}

test('the report has the shape that scripts rely on', () => {
  const history = [entry(0, 2), entry(10, 13), entry(20, 60), entry(30, 31, { type: 'unknown', code: 'ECONNRESET' })]
  assert.deepEqual(reportOf({ history, findings: [], abandoned: 0 }), {
    requests: 4,
    ok: 3,
    errors: { ECONNRESET: 1 },
    lost: 0,
    doubled: 0,
    pauseMs: 47,
    throughput: 50,
    latencyMs: { p50: 3, p90: 40, p99: 40, p999: 40, max: 40 },
  })
})

test('latency counts from the intended time, not from when a client was free', () => {
  const late = { ...entry(0, 500), startMs: 499 }
  assert.equal(reportOf({ history: [late], findings: [], abandoned: 0 }).latencyMs.max, 500)
})

test('stale reads and wrong answers are errors, lost and doubled are their own', () => {
  const findings = [
    finding('stale', 'k', ''),
    finding('wrong', 'k', ''),
    finding('lost', 'k', ''),
    finding('doubled', 'k', '', 3),
  ]
  const report = reportOf({ history: [entry(0, 1)], findings, abandoned: 0 })
  assert.deepEqual(report.errors, { STALE_READ: 1, WRONG_ANSWER: 1 })
  assert.deepEqual([report.lost, report.doubled], [1, 3])
})

test('what was never sent, and a run that could not be verified, are errors', () => {
  const report = reportOf({ history: [entry(0, 1)], findings: [], abandoned: 2, readBackFailed: true })
  assert.deepEqual(report.errors, { NOT_SENT: 2, READ_BACK_FAILED: 1 })
  assert.equal(report.requests, 3)
  assert.equal(isClean(report), false)
})

test('a run without a request proves nothing', () => {
  const report = reportOf({ history: [], findings: [], abandoned: 0 })
  assert.equal(report.latencyMs.max, 0)
  assert.equal(isClean(report), false)
})

test('a run is clean only without errors, lost and doubled', () => {
  const clean = reportOf({ history: [entry(0, 1)], findings: [], abandoned: 0 })
  assert.equal(isClean(clean), true)
  for (const broken of [{ errors: { ECONNRESET: 1 } }, { lost: 1 }, { doubled: 1 }])
    assert.equal(isClean({ ...clean, ...broken }), false)
})

test('a percentile is a value that was measured', () => {
  const values = Float64Array.from({ length: 100 }, (_, index) => index + 1)
  assert.deepEqual(
    [0.5, 0.99, 0.999, 1].map((share) => percentile(values, share)),
    [50, 99, 100, 100],
  )
  assert.equal(percentile(new Float64Array(), 0.5), 0)
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
  const text = summaryOf(reportOf({ history: [entry(0, 1)], findings, abandoned: 0 }), findings)
  assert.match(text, /lost +key-0: gone/)
  assert.match(text, /and 2 more/)
})
