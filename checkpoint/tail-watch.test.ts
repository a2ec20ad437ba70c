import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TailWatch } from './tail-watch.ts'

/** Looks every half second until `untilMs`; the times, in seconds, at which the tail is started again. */
function restarts(watch: TailWatch, untilMs: number, offset: (nowMs: number) => number, awaited: number | null = null) {
  const atSeconds: number[] = []
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 500)
    if (watch.stalled(nowMs, offset(nowMs), 10, awaited)) atSeconds.push(nowMs / 1_000)
  return atSeconds
}

test('a tail that is behind and does not move is started again, each time after a longer while', () => {
  assert.deepEqual(
    restarts(new TailWatch(), 200_000, () => 5),
    [10, 30, 70, 150],
  )
})

test('a tail that moves, or has read all there is, is left alone', () => {
  assert.deepEqual(
    restarts(new TailWatch(), 60_000, (nowMs) => Math.floor(nowMs / 9_000)),
    [],
  )
  assert.deepEqual(
    restarts(new TailWatch(), 60_000, () => 10),
    [],
  )
})

test('a tail that does not bring what an append was answered with is started again within seconds, whatever end is told', () => {
  assert.deepEqual(
    restarts(new TailWatch(), 15_000, () => 10, 10),
    [2, 6, 14],
  )
})

test('a tail that was just started again for another reason is given time', () => {
  const watch = new TailWatch()
  watch.stalled(0, 5, 10, null)
  watch.restarted(9_500)
  assert.equal(watch.stalled(10_000, 5, 10, null), false)
  assert.equal(watch.stalled(29_500, 5, 10, null), true)
})
