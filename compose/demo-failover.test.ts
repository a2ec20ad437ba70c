import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision, ReceiverEvent } from '../heartbeat-receiver/protocol.ts'
import { type FailoverReport, FailoverWatch, isComplete } from './demo-failover.ts'
import { demoSummary, failoverLine, isExact, killLine } from './demo-report.ts'
import type { LoadReport } from './load/report.ts'

const kill = { backend: 'backend-2', incarnation: 'old', epoch: 4, signal: 'SIGKILL', atMs: 1_000 } as const

function decision(epoch: number): Decision {
  const url = 'http://127.0.0.1:9003'
  return { shard: 0, epoch, name: 'backend-3', incarnation: 'new', url, exactlyOnce: true }
}

const suspected = { type: 'suspected', atMs: 1_002, name: 'backend-2', incarnation: 'old', reason: 'closed' } as const
const decided: ReceiverEvent = {
  type: 'decided',
  atMs: 1_004.26,
  decision: decision(5),
  previous: 'old',
  reason: 'crashed',
  detectedAtMs: 1_001,
}
const ready = { type: 'ready', atMs: 1_009, name: 'backend-3', incarnation: 'new', epoch: 5 } as const

function watched(...events: ReceiverEvent[]): FailoverWatch {
  const watch = new FailoverWatch(kill)
  for (const event of events) watch.hear(event)
  return watch
}

const whole: FailoverReport = {
  backend: 'backend-2',
  signal: 'SIGKILL',
  detectedMs: 2,
  decidedMs: 4.3,
  readyMs: 9,
  firstAnswerMs: 14,
  pauseMs: 21,
}

const load: LoadReport = {
  requests: 10,
  ok: 10,
  errors: {},
  lost: 0,
  doubled: 0,
  pauseMs: 21,
  throughput: 100,
  latencyMs: { p50: 1, p90: 2, p99: 3, p999: 4, max: 5 },
  backends: { a: 10 },
}

test('a failover is reported in milliseconds since its kill', () => {
  const watch = watched(suspected, decided, ready)
  assert.deepEqual(watch.report({ firstAnswerAtMs: 1_014, pauseMs: 21 }), whole)
  assert.equal(watch.successor?.name, 'backend-3')
  assert.equal(watch.ready, true)
})

test('a decision says when its reason was detected, if nobody said so before', () => {
  assert.equal(watched(decided).report({ firstAnswerAtMs: undefined, pauseMs: undefined }).detectedMs, 1)
})

test('events of before the kill, of other backends and of old epochs change nothing', () => {
  const watch = watched(
    { ...suspected, atMs: 999 },
    { ...suspected, incarnation: 'another' },
    { ...decided, decision: decision(4) },
    { ...ready, epoch: 4 },
  )
  const report = watch.report({ firstAnswerAtMs: undefined, pauseMs: undefined })
  assert.deepEqual([report.detectedMs, report.decidedMs, report.readyMs, watch.ready], [null, null, null, false])
  assert.equal(isComplete(report), false)
})

test('the first of repeated events counts', () => {
  const report = watched(suspected, { ...suspected, atMs: 1_500 }, decided, { ...decided, atMs: 1_600 }, ready).report({
    firstAnswerAtMs: 1_014,
    pauseMs: 21,
  })
  assert.deepEqual(report, whole)
})

test('a failover reads as a story', () => {
  assert.equal(killLine(kill), 'kill -9 backend-2 (active, epoch 4)')
  assert.equal(killLine({ ...kill, signal: 'SIGSTOP' }), 'kill -STOP backend-2 (active, epoch 4)')
  assert.equal(failoverLine(whole), 'detected 2 ms, decided 4.3 ms, ready 9 ms, first answer 14 ms, pause 21 ms')
  assert.match(failoverLine({ ...whole, readyMs: null }), /ready never/)
})

test('the verdict is exact only if every failover happened and no client noticed', () => {
  assert.equal(isExact(load, [whole]), true)
  assert.equal(isExact({ ...load, lost: 1 }, [whole]), false)
  assert.equal(isExact({ ...load, errors: { 503: 1 } }, [whole]), false)
  assert.equal(isExact(load, [whole, { ...whole, firstAnswerMs: null }]), false)
  assert.match(demoSummary(load, [], [whole]), /\nexact: 1 failure of the active/)
  assert.match(demoSummary(load, [], [whole, { ...whole, firstAnswerMs: null }]), /NOT exact: 1 of 2 failures/)
})
