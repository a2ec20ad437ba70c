import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FlatRule, judgeFlat } from './flatness.ts'

const median: FlatRule = { level: 'median', share: 1.1, slack: 5 }
const highest: FlatRule = { level: 'highest', share: 1.1, slack: 5 }
/** A reading every ten seconds of ten minutes. */
const readings = (value: (turn: number) => number) =>
  Array.from({ length: 61 }, (_, turn) => ({ atMs: turn * 10_000, value: value(turn) }))

test('what stays as it is is flat, and so is what only grew while warming up', () => {
  for (const rule of [median, highest]) {
    assert.equal(
      judgeFlat(
        readings(() => 100),
        rule,
      )?.flat,
      true,
    )
    assert.equal(
      judgeFlat(
        readings((turn) => Math.min(100, turn * 5)),
        rule,
      )?.flat,
      true,
    )
  }
})

test('what grows all the time is not flat', () => {
  // From 50 to 100 in the middle third's median to the last's: far above 1.1 times and 5.
  for (const rule of [median, highest])
    assert.equal(
      judgeFlat(
        readings((turn) => 20 + turn * 2),
        rule,
      )?.flat,
      false,
    )
})

test('the limit is the middle level times the share, plus the slack, and may be reached', () => {
  const step = (after: number) => readings((turn) => (turn > 40 ? after : 100))
  const rule: FlatRule = { level: 'median', share: 1.5, slack: 5 }
  assert.deepEqual(judgeFlat(step(155), rule), { flat: true, middle: 100, last: 155, limit: 155 })
  assert.equal(judgeFlat(step(156), rule)?.flat, false)
})

test('a peak is no growth of a median, but it is of the highest', () => {
  const peak = readings((turn) => (turn === 55 ? 1_000 : 100))
  assert.equal(judgeFlat(peak, median)?.flat, true)
  assert.equal(judgeFlat(peak, highest)?.flat, false)
})

test('a saw whose teeth are minutes long is flat by its highest', () => {
  assert.equal(
    judgeFlat(
      readings((turn) => (turn % 17) * 10),
      highest,
    )?.flat,
    true,
  )
})

test('too few readings are no judgement', () => {
  assert.equal(judgeFlat([], median), undefined)
  assert.equal(judgeFlat(readings(() => 1).slice(0, 58), median), undefined)
  assert.ok(
    judgeFlat(
      readings(() => 1),
      median,
    ),
  )
})
