import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../compose/load/random.ts'
import { phaseAt, phases, planDay, rateAt } from './plan.ts'

const kinds = ['kill', 'stop', 'remove', 'slow'] as const
const options = { durationMs: 60_000, kinds, apartMs: 2_000, lastsMs: { min: 500, max: 1_500 } }

test('the same seed plans the same day, and another seed another', () => {
  assert.deepEqual(planDay(options, seededRandom(1)), planDay(options, seededRandom(1)))
  assert.notDeepEqual(planDay(options, seededRandom(1)), planDay(options, seededRandom(2)))
})

test('on any day, everything that can happen does, about equally often, in order, and within the day', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1_000, max: 120_000 }), (seed, durationMs) => {
      const plan = planDay({ ...options, durationMs }, seededRandom(seed))
      const counts = kinds.map((kind) => plan.filter((happening) => happening.kind === kind).length)
      assert.ok(Math.min(...counts) >= 1 && Math.max(...counts) - Math.min(...counts) <= 1)
      plan.forEach(({ atMs, lastsMs }, index) => {
        assert.ok(atMs >= (plan[index - 1]?.atMs ?? 0) && atMs <= durationMs * 0.9)
        assert.ok(lastsMs >= 500 && lastsMs <= 1_500)
      })
    }),
  )
})

test('the rate rises and falls without leaps, and each part of the day has its name', () => {
  const rates = Array.from({ length: 1_001 }, (_, index) => rateAt(index / 1_000))
  assert.ok(rates.every((rate, index) => rate > 0 && rate <= 1 && Math.abs(rate - (rates[index - 1] ?? rate)) < 0.01))
  assert.ok(Math.max(...rates) > 0.99 && Math.min(...rates) < 0.2)
  assert.deepEqual(
    new Set(rates.map((_, index) => phaseAt(index / 1_000).name)),
    new Set(phases.map(({ name }) => name)),
  )
})
