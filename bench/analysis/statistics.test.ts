import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRatios, mean, sharesOf, standardDeviation } from './statistics.ts'

test('mean and standard deviation are of all there is, and of nothing they are a mistake', () => {
  assert.equal(mean([2, 4, 4, 4, 5, 5, 7, 9]), 5)
  assert.equal(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9]), 2)
  assert.throws(() => mean([]), RangeError)
})

test('shares sum to one over the names asked for', () => {
  assert.deepEqual(sharesOf({ a: 3, b: 1, other: 9 }, ['a', 'b', 'c']), { a: 0.75, b: 0.25, c: 0 })
  assert.deepEqual(sharesOf({}, ['a']), { a: 0 })
})

test('loads are compared only where all were sampled, and enough was under way', () => {
  const one: [number, number][] = [
    [0, 8],
    [11, 9],
    [20, 1],
    [30, 30],
  ]
  const two: [number, number][] = [
    [3, 2],
    [9, 4],
    [15, 3],
    [25, 1],
  ]
  assert.deepEqual(loadRatios([one, two], { intervalMs: 10, leastMean: 5 }), [8 / 6, 9 / 6])
  assert.deepEqual(loadRatios([], { intervalMs: 10, leastMean: 5 }), [])
})
