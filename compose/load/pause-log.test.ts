import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PauseLog } from './pause-log.ts'

function logOf(answers: [atMs: number, backend?: string, epoch?: number][]): PauseLog {
  const log = new PauseLog()
  for (const [atMs, backend = 'a', epoch = 0] of answers) log.answered({ atMs, backend, epoch })
  return log
}

test('a failover is told however short it was, with who answered before and after', () => {
  const log = logOf([
    [0, 'a', 4],
    [1, 'a', 4],
    [4, 'b', 5],
    [5, 'b', 5],
  ])
  assert.deepEqual(log.pauses, [
    { atMs: 1, pauseMs: 3, failover: true, from: 'a', to: 'b', epochBefore: 4, epochAfter: 5 },
  ])
})

test('a late answer of the old epoch makes no second failover', () => {
  const log = logOf([
    [0, 'a', 4],
    [3, 'b', 5],
    [4, 'a', 4],
    [5, 'b', 5],
  ])
  assert.equal(log.pauses.length, 1)
})

test('a pause is told if it is long, and unlike the others', () => {
  const quick: [number][] = Array.from({ length: 50 }, (_, index) => [index])
  assert.deepEqual(
    logOf([...quick, [80]]).pauses.map(({ pauseMs, failover }) => [pauseMs, failover]),
    [[31, false]],
  )
  // At one answer per 30 ms, 30 ms are no pause.
  assert.deepEqual(logOf([[0], [30], [60], [90]]).pauses.length, 1)
  assert.deepEqual(logOf([[0], [5], [10], [19]]).pauses.length, 0)
})

test('the longest pause counts also where it is not told', () => {
  assert.equal(logOf([[0], [5], [12]]).longestMs, 7)
  assert.equal(logOf([[5]]).longestMs, 0)
})

test('only so many are kept: the longest, and the failovers', () => {
  const log = new PauseLog()
  let atMs = 0
  const answer = (epoch: number) => log.answered({ atMs, backend: 'a', epoch })
  answer(1)
  atMs += 1
  answer(2) // 1 ms, but a failover
  for (let pause = 1; pause <= 1_000; pause++) {
    for (let quick = 0; quick < 20; quick++) {
      atMs += 1
      answer(2)
    }
    atMs += 1_000 + pause
    answer(2)
  }
  assert.equal(log.pauses.length, 200)
  assert.equal(log.pauses[0]?.failover, true)
  assert.equal(Math.min(...log.pauses.slice(1).map(({ pauseMs }) => pauseMs)), 1_802)
})
