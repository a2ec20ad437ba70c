import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LoadReport } from '../../compose/load/report.ts'
import type { ProcessFigures } from './figures.ts'
import { faultsOf, flatFigures, headerLine, type Sample, type SoakResult, sampleLine } from './report.ts'

const figures: ProcessFigures = { heapMiB: 40, externalMiB: 5, residentMiB: 150, sockets: 60, files: 80 }
const report: LoadReport = {
  requests: 1_200,
  ok: 1_200,
  errors: {},
  lost: 0,
  doubled: 0,
  pauseMs: 40,
  throughput: 2_000,
  latencyMs: { p50: 1, p90: 1, p99: 1, p999: 1, max: 1 },
  backends: {},
}

function sample(turn: number, change: Partial<Sample> = {}): Sample {
  const processes = { backend: figures, balancer: figures, receiver: figures }
  const journal = { start: turn * 90, end: turn * 100, journalMiB: 100, snapshotsMiB: 20 }
  return { atMs: turn * 10_000, requests: turn * 10, errors: 0, kills: turn, processes, ...journal, ...change }
}

function result(change: Partial<SoakResult> = {}, each: (turn: number) => Partial<Sample> = () => ({})): SoakResult {
  const samples = Array.from({ length: 60 }, (_, turn) => sample(turn, each(turn)))
  return { samples, report, kills: 29, failed: [], rate: 2_000, ...change }
}

test('a run in which nothing happened and nothing grew is without fault', () => {
  assert.deepEqual(faultsOf(result()), [])
})

const wrong: [what: string, change: Partial<SoakResult>, fault: RegExp][] = [
  ['an error', { report: { ...report, errors: { 503: 2 } } }, /^errors: 503 2$/],
  ['a loss', { report: { ...report, lost: 1 } }, /^1 acknowledged changes are lost$/],
  ['a doubling', { report: { ...report, doubled: 1 } }, /^1 changes were applied twice$/],
  ['a run that sent nothing', { report: { ...report, requests: 0 } }, /^nothing was sent$/],
  ['a run that killed nothing', { kills: 0 }, /^nothing was killed/],
  ['a failover that did not happen', { failed: ['kill 3: late'] }, /^kill 3: late$/],
  ['a rate that was not kept', { report: { ...report, throughput: 1_500 } }, /^only 1500 of 2000 writes\/s/],
  ['a journal that only grew', { samples: [sample(1, { start: 0 })] }, /^the journal was never truncated$/],
]
for (const [what, change, fault] of wrong)
  test(`${what} is a fault`, () => {
    const faults = faultsOf(result(change))
    assert.equal(faults.length, 1, `${faults}`)
    assert.match(faults[0]!, fault)
  })

test('every figure of every process, and both logs on disk, must stay flat', () => {
  const names = flatFigures(result().samples).map(({ name }) => name)
  assert.equal(names.length, 17)
  const growing = (turn: number) => {
    const leak = (figure: number) => figure + turn * 10
    const entries = Object.entries(figures).map(([name, value]) => [name, leak(value)])
    const process = Object.fromEntries(entries) as unknown as ProcessFigures
    const processes = { backend: process, balancer: process, receiver: process }
    return { processes, journalMiB: leak(100), snapshotsMiB: leak(20) }
  }
  const faults = faultsOf(result({}, growing))
  assert.deepEqual(
    faults.map((fault) => fault.replace(/ grew from .*/, '')),
    names,
  )
})

test('the columns of the table stand under their titles', () => {
  const line = sampleLine(sample(7))
  assert.equal(line.length, headerLine.length)
  assert.match(line, /^ {3}70 s {8}70 {8}0 {8}7 /)
})
