import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextRestart } from './restarting.ts'

test('each death in a row doubles the delay, up to a limit', () => {
  const delays: number[] = []
  let failures = 0
  for (let death = 0; death < 8; death++) {
    const next = nextRestart(failures, 100)
    delays.push(next.delayMs)
    failures = next.failures
  }
  assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
})

test('whoever lived long is restarted as eagerly as the first time', () => {
  assert.deepEqual(nextRestart(7, 10_000), { failures: 1, delayMs: 500 })
})
