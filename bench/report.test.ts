import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Machine, noiseNote } from './machine.ts'
import { reportOf, tableOf } from './report.ts'

const machine: Machine = { cpu: 'CPU', cores: 2, memoryGiB: 24, kernel: 'Linux 6', node: '26.10.0', loadBefore: 0.1 }
const findings = {
  rounds: 3,
  rows: [{ name: 'a', unit: 'ms', median: 1.23456, min: 0.5, max: 12_345.6 }],
  ratios: { redis: 1.23456 },
  notes: ['nginx is not installed here (no nginx); left out'],
  samples: [{ secret: 'only in the raw file' }],
}

test('the report is what scripts rely on, and nothing else', () => {
  assert.deepEqual(reportOf('writes', machine, findings), {
    bench: 'writes',
    machine,
    rounds: 3,
    rows: [{ name: 'a', unit: 'ms', median: 1.235, min: 0.5, max: 12_346 }],
    ratios: { redis: 1.235 },
  })
})

test('the key of a peer that is not installed is missing, and its line says why', () => {
  const report = reportOf('failover', machine, findings)
  assert.equal('nginx' in report.ratios, false)
  assert.match(tableOf(report, findings.notes), /^- nginx is not installed here/m)
})

test('a report is one line of JSON', () => {
  assert.equal(JSON.stringify(reportOf('writes', machine, findings)).includes('\n'), false)
})

test('a machine that had other work is said to have had it', () => {
  assert.equal(noiseNote({ loadBefore: 0.4, cores: 2 }), undefined)
  assert.match(noiseNote({ loadBefore: 3.1, cores: 2 }) ?? '', /NOT a quiet machine: load average 3.1 on 2 cores/)
})
