import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LatencySketch } from './latency-sketch.ts'

const relativeError = 0.01
const latencies = fc.array(fc.double({ min: 0.02, max: 500_000, noNaN: true }), { minLength: 1, maxLength: 300 })

function sketchOf(values: number[]): LatencySketch {
  const sketch = new LatencySketch(relativeError)
  for (const value of values) sketch.add(value)
  return sketch
}

/** The dumb second implementation: nearest rank of all values. */
function exact(values: number[], share: number): number {
  const ascending = values.toSorted((left, right) => left - right)
  return ascending[Math.max(0, Math.ceil(share * values.length) - 1)]!
}

test('a percentile is within the stated error of the exact one', () => {
  fc.assert(
    fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const [found, true_] = [sketchOf(values).percentileMs(share), exact(values, share)]
      assert.ok(Math.abs(found - true_) <= relativeError * true_ * 1.000001, `${found} is not near ${true_}`)
    }),
  )
})

test('two merged sketches are the sketch of all', () => {
  fc.assert(
    fc.property(latencies, latencies, (left, right) => {
      const merged = sketchOf(left)
      merged.merge(sketchOf(right))
      const all = sketchOf([...left, ...right])
      assert.equal(merged.count, all.count)
      for (const share of [0, 0.5, 0.99, 1]) assert.equal(merged.percentileMs(share), all.percentileMs(share))
    }),
  )
})

test('the largest is exact, none is 0, and what is out of range is counted', () => {
  assert.equal(new LatencySketch(relativeError).percentileMs(0.5), 0)
  assert.equal(sketchOf([1, 2, 3.217]).percentileMs(1), 3.217)
  const extremes = sketchOf([0, -1, 10_000_000])
  assert.equal(extremes.count, 3)
  assert.equal(extremes.maxMs, 10_000_000)
  assert.throws(() => extremes.merge(new LatencySketch(0.5)), RangeError)
})
