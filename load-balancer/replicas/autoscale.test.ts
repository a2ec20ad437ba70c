import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Autoscaler, type AutoscaleSettings, defaultAutoscaleSettings } from './autoscale.ts'

const settings: AutoscaleSettings = {
  ...{ ...defaultAutoscaleSettings, min: 2, max: 20, ratePerReplica: 100 },
  ...{ sampleMs: 1_000, stepMs: 10_000, seasonMs: 0, aheadMs: 20_000, downAfterMs: 60_000, fillMax: 0.8 },
}
function scaler(more: Partial<AutoscaleSettings> = {}) {
  const autoscaler = new Autoscaler({ ...settings, ...more })
  /** What is recommended last after `count` samples of one rate. */
  const hear = (rate: number, count = 1) => {
    const heard = Array.from({ length: count }, () => autoscaler.sample(rate))
    return heard.at(-1)!
  }
  return { autoscaler, hear }
}

describe('how many servers', () => {
  it('none more than asked for when nothing happens, and never fewer than the least', () => {
    assert.deepEqual(scaler().hear(0, 100), { desired: 2, because: 'bounds' })
  })

  it('so many that each is full to its bound, at once', () => {
    const { hear } = scaler({ rules: 'rate' })
    assert.deepEqual(hear(400), { desired: 5, because: 'rate' })
    assert.deepEqual(hear(401), { desired: 6, because: 'rate' })
  })

  it('never more than the most', () => {
    assert.deepEqual(scaler({ rules: 'rate' }).hear(1e9), { desired: 20, because: 'bounds' })
  })

  it('fewer only after fewer have been enough for long, and then as many as were needed in that time', () => {
    const { hear } = scaler({ rules: 'rate' })
    hear(800)
    hear(400, 30)
    assert.deepEqual(hear(240, 29), { desired: 10, because: 'lately' })
    assert.deepEqual(hear(240), { desired: 5, because: 'lately' })
    assert.deepEqual(hear(240, 29), { desired: 5, because: 'lately' })
    assert.deepEqual(hear(240), { desired: 3, because: 'rate' })
  })

  it('a rate that goes up and down within that time moves nothing', () => {
    const { hear } = scaler({ rules: 'rate' })
    hear(800)
    const numbers = new Set(Array.from({ length: 500 }, (_, step) => hear(step % 50 === 0 ? 800 : 100).desired))
    assert.deepEqual([...numbers], [10])
  })

  it('more ahead of a rise than the rate itself asks for', () => {
    const [both, rateOnly] = [scaler(), scaler({ rules: 'rate' })]
    let ahead = 0
    for (let rate = 100; rate < 1_000; rate += 5) ahead = both.hear(rate).desired - rateOnly.hear(rate).desired
    assert.ok(ahead >= 1, `${ahead} ahead`)
    assert.equal(both.hear(1_000).because, 'forecast')
  })

  it('the last value that was known stays in force as a step goes on, and a sudden crowd needs no forecast', () => {
    const { hear } = scaler()
    hear(100, 100)
    assert.deepEqual(hear(1_200), { desired: 15, because: 'rate' })
  })

  it('ahead of what came at this time in the season before', () => {
    const { hear } = scaler({ seasonMs: 200_000, downAfterMs: 10_000 })
    const season = () => {
      hear(100, 150)
      const before = hear(100).desired
      hear(1_000, 29)
      hear(100, 20)
      return before
    }
    const first = season()
    season()
    assert.ok(season() > first + 5)
  })
})

it('whatever the rates: within the bounds, never fewer than the rate needs, and down only after the wait', () => {
  const rates = fc.array(fc.double({ min: 0, max: 3_000, noNaN: true }), { maxLength: 300 })
  fc.assert(
    fc.property(rates, (heard) => {
      const { autoscaler } = scaler()
      const desired: number[] = []
      for (const rate of heard) {
        const { desired: next } = autoscaler.sample(rate)
        assert.ok(next >= settings.min && next <= settings.max)
        assert.ok(next >= Math.min(settings.max, Math.ceil(rate / 80)))
        desired.push(next)
      }
      for (const [index, next] of desired.entries()) {
        const before = desired[index - 1] ?? 0
        // What was asked for was asked for within the wait, so it has been as many for all of it.
        if (next < before && index >= 60) assert.ok(desired.slice(index - 60, index).every((one) => one >= next))
        if (next < before && index < 60) assert.fail('went down before the wait was over')
      }
    }),
  )
})
