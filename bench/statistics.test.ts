import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { median, pairedRatio, percentile, spread } from './statistics.ts'

const values = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 })

test('a median is the middle value, or the mean of the middle two', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 3, 2]), 2.5)
  // As numbers, not as text: sorted as text 10 would come before 9.
  assert.equal(median([9, 10, 11]), 10)
})

test('no values have no median and no percentile', () => {
  assert.throws(() => median([]), RangeError)
  assert.throws(() => percentile([], 0.5), RangeError)
})

test('as many values are above a median as below it, and none are changed', () => {
  fc.assert(
    fc.property(values, (all) => {
      const before = [...all]
      const middle = median(all)
      assert.deepEqual(all, before)
      assert.ok(all.filter((value) => value < middle).length <= all.length / 2)
      assert.ok(all.filter((value) => value > middle).length <= all.length / 2)
    }),
  )
})

test('a percentile is a value that occurs, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
  assert.equal(percentile(hundred, 0.5), 50)
  assert.equal(percentile(hundred, 0.99), 99)
  assert.equal(percentile(hundred, 1), 100)
  assert.equal(percentile([7, 5], 0.99), 7)
})

test('a spread holds its median between its ends', () => {
  fc.assert(
    fc.property(values, (all) => {
      const { median: middle, min, max } = spread(all)
      assert.ok(min <= middle && middle <= max)
    }),
  )
})

test('a ratio is taken within each round, so that a slow round for both changes nothing', () => {
  // Of the medians, 90 and 50, it would be 1.8.
  assert.equal(pairedRatio([100, 90, 10], [50, 100, 5]), 2)
  assert.throws(() => pairedRatio([1, 2], [1]), RangeError)
})
