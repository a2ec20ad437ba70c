import assert from 'node:assert/strict'
import { test } from 'node:test'
import { steadyStateOf } from './java-producer.ts'

const output = `Warmup first 200000 records. Steady state results will print after the complete test summary.
In steady state.
175327 records sent, 35065.4 records/sec (3.34 MB/sec), 3642.9 ms avg latency, 4132.0 ms max latency.
700000 records sent, 87796.312555 records/sec (8.37 MB/sec), 2598.74 ms avg latency, 4130 ms 99.9th.
500000 steady state records sent, 75437.537719 records/sec (7.19 MB/sec), 2599.44 ms avg latency, 4131 ms 99.9th.
`

test("the Java producer's rate is that of its steady state, without its warm-up", () => {
  assert.deepEqual(steadyStateOf(output), { records: 500_000, recordsPerSecond: 75_437.537719 })
})

test('a run without a steady state has no rate', () => {
  assert.equal(steadyStateOf(output.split('\n').slice(0, 4).join('\n')), undefined)
})
