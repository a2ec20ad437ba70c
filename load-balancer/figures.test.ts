import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Counted, FiguresMeter, nothingCounted, sumOf } from './figures.ts'
import { Metrics } from './metrics.ts'

const boundsMs = [1, 10, 100]
const counted = (more: Partial<Counted>): Counted => ({ ...nothingCounted, buckets: [0, 0, 0], ...more })

describe('the figures of a balancer', () => {
  it('are rates since the last reading, and what is held now', () => {
    const meter = new FiguresMeter(boundsMs, 0)
    meter.read(counted({ answered: 100, errors: 4, replays: 2, buckets: [100, 0, 0] }), 1_000)
    const figures = meter.read(counted({ answered: 300, errors: 5, replays: 12, held: 7, buckets: [300, 0, 0] }), 1_500)
    const { requestsPerSecond, errorsPerSecond, replaysPerSecond, held } = figures
    assert.deepEqual([requestsPerSecond, errorsPerSecond, replaysPerSecond, held], [400, 2, 20, 7])
  })

  it('have the median and the tail of the answers since the last reading, by the line through their bucket', () => {
    const meter = new FiguresMeter(boundsMs, 0)
    meter.read(counted({ answered: 1_000, buckets: [0, 0, 1_000] }), 500)
    const figures = meter.read(counted({ answered: 1_100, buckets: [50, 49, 1_001] }), 1_000)
    assert.deepEqual([figures.p50Ms, figures.p99Ms], [1, 10])
    const slow = meter.read(counted({ answered: 1_102, buckets: [50, 49, 1_001] }), 1_500)
    assert.deepEqual([slow.p50Ms, slow.p99Ms], [100, 100], 'above all bounds the last of them')
  })

  it('are none where nothing was answered, and nothing below zero when a process with its counts is gone', () => {
    const meter = new FiguresMeter(boundsMs, 0)
    const { held: _, ...first } = meter.read(counted({ held: 3 }), 500)
    assert.deepEqual(Object.values(first), [0, 0, 0, 0, 0])
    meter.read(counted({ answered: 50, buckets: [50, 0, 0] }), 1_000)
    assert.deepEqual(Object.values(meter.read(counted({}), 1_500)), [0, 0, 0, 0, 0, 0])
  })

  it('have a median that is in the bucket of the middle answer, and a tail that is not below it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 3, maxLength: 3 }), (buckets) => {
        const answered = buckets.reduce((sum, count) => sum + count, 0)
        const { p50Ms, p99Ms } = new FiguresMeter(boundsMs, 0).read(counted({ answered, buckets }), 500)
        if (answered === 0) return p50Ms === 0
        let below = 0
        const middle = buckets.findIndex((count) => {
          below += count
          return below >= answered / 2
        })
        return p50Ms >= (boundsMs[middle - 1] ?? 0) && p50Ms <= boundsMs[middle]! && p99Ms >= p50Ms
      }),
    )
  })

  it('of several processes are those of their counts together', () => {
    const one = counted({ answered: 1, errors: 2, replays: 3, held: 4, buckets: [1, 0, 5] })
    assert.deepEqual(sumOf(nothingCounted, one), one)
    assert.deepEqual(sumOf(one, nothingCounted), one)
    assert.deepEqual(sumOf(one, one), { answered: 2, errors: 4, replays: 6, held: 8, buckets: [2, 0, 10] })
  })

  it('come from what the metrics count anyway', () => {
    const metrics = new Metrics()
    metrics.watch({ held: () => 1, takeHeldPeak: () => 5, epoch: () => 0, members: () => 0, streams: () => 0 })
    metrics.answered('GET', 200, '/a', 'x', 0.4)
    metrics.answered('POST', 503, '/b', 'y', 7)
    metrics.answered('GET', 500, '/a', 'x', 99_000)
    metrics.replayed('lost')
    const { buckets, ...others } = metrics.counted()
    assert.deepEqual(others, { answered: 3, errors: 2, replays: 1, held: 5 })
    assert.deepEqual(
      buckets.flatMap((count, index) => (count > 0 ? [[index, count]] : [])),
      [
        [0, 1],
        [3, 1],
      ],
    )
  })
})
