import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpuMsOf, residentBytesOf } from './process-cost.ts'

test('processor time is that of the process and of its system calls, whatever its name is', () => {
  const after = 'S 1 2 3 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 11 0 1 2 3'
  assert.equal(cpuMsOf(`42 (node) ${after}`), 3_000)
  assert.equal(cpuMsOf(`42 (a ) b (c) ${after}`), 3_000)
  assert.throws(() => cpuMsOf('42 (node) S 1'), RangeError)
})

test('resident memory is told in bytes', () => {
  assert.equal(residentBytesOf('Name:\tnode\nVmRSS:\t  2048 kB\nRssAnon:\t 1 kB\n'), 2_097_152)
  assert.throws(() => residentBytesOf('Name:\tnode\n'), RangeError)
})
