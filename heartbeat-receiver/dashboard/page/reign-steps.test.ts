import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BoardReign } from '../board.ts'
import { barScaleMs, firstAnswerAwaitedMs, reignStory, stepPlace } from './reign-steps.ts'

const began = 1_772_366_400_000

function reignOf(more: Partial<BoardReign> = {}): BoardReign {
  return {
    ...{ shard: 0, epoch: 8, name: 'backend-2', previous: 'backend-1', reason: 'closed', planned: false },
    ...{ detectedAtMs: began, decidedAtMs: began + 4, readyAtMs: began + 23, firstAnswerAtMs: began + 26 },
    ...{ held: 27, endedAtMs: null },
    ...more,
  }
}

test('a failover is broken into decided, ready and first answer, counted from the first evidence', () => {
  assert.deepEqual(reignStory(reignOf(), began + 1_000), {
    kind: 'failover',
    steps: [
      { name: 'decided', fromMs: 0, toMs: 4 },
      { name: 'ready', fromMs: 4, toMs: 23 },
      { name: 'first answer', fromMs: 23, toMs: 26 },
    ],
    missing: [],
    totalMs: 26,
    outcome: 'served',
  })
})

test('a first answer that came before the receiver heard of readiness is drawn before it', () => {
  const { steps, totalMs } = reignStory(reignOf({ firstAnswerAtMs: began + 20 }), began + 1_000)
  assert.deepEqual(
    steps.map(({ name, toMs }) => [name, toMs]),
    [
      ['decided', 4],
      ['first answer', 20],
      ['ready', 23],
    ],
  )
  assert.equal(totalMs, 23)
})

test('nobody before: a beginning; planned: a handover', () => {
  assert.equal(reignStory(reignOf({ previous: null }), began).kind, 'beginning')
  assert.equal(reignStory(reignOf({ planned: true }), began).kind, 'handover')
})

test('what is awaited is told apart from what nobody asked for and from what never came', () => {
  const waiting = reignOf({ readyAtMs: null, firstAnswerAtMs: null })
  const unasked = reignOf({ firstAnswerAtMs: null })
  const ready = began + 23
  assert.deepEqual(reignStory(waiting, began + 60_000).outcome, 'under way')
  assert.deepEqual(reignStory(waiting, began).missing, ['ready', 'first answer'])
  assert.equal(reignStory({ ...waiting, endedAtMs: began + 9 }, began + 10).outcome, 'ended')
  assert.equal(reignStory(unasked, ready + firstAnswerAwaitedMs - 1).outcome, 'under way')
  assert.equal(reignStory(unasked, ready + firstAnswerAwaitedMs).outcome, 'ready')
  assert.equal(reignStory({ ...unasked, endedAtMs: ready + 1 }, ready + 2).outcome, 'ready')
})

test('steps follow one another without a gap, whatever the clocks say', () => {
  const time = fc.integer({ min: -50, max: 5_000 })
  fc.assert(
    fc.property(time, fc.option(time), fc.option(time), (decided, ready, answered) => {
      const at = (offset: number | null) => (offset === null ? null : began + offset)
      const reign = reignOf({ decidedAtMs: began + decided, readyAtMs: at(ready), firstAnswerAtMs: at(answered) })
      const { steps, missing, totalMs } = reignStory(reign, began)
      let endMs = 0
      for (const { fromMs, toMs } of steps) {
        assert.equal(fromMs, endMs)
        assert.ok(toMs >= fromMs)
        endMs = toMs
      }
      assert.equal(endMs, totalMs)
      assert.equal(steps.length + missing.length, 3)
    }),
  )
})

test('the common scale ends at 1, 2 or 5 times a power of ten, and holds the longest', () => {
  const table: [number[], number][] = [
    [[], 10],
    [[3], 10],
    [[26], 50],
    [[100, 7], 100],
    [[101], 200],
    [[430], 500],
    [[501], 1_000],
  ]
  for (const [totals, end] of table) assert.equal(barScaleMs(totals), end, `${totals}`)
})

test('a step of no length can be seen, and none reaches beyond the scale', () => {
  assert.deepEqual(stepPlace({ name: 'ready', fromMs: 25, toMs: 50 }, 100), { left: 25, width: 25 })
  assert.deepEqual(stepPlace({ name: 'ready', fromMs: 10, toMs: 10 }, 100, 1), { left: 10, width: 1 })
  const { left, width } = stepPlace({ name: 'ready', fromMs: 100, toMs: 100 }, 100, 1)
  assert.ok(left + width <= 100 && width > 0)
})
