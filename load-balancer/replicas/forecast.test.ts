import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultForecastSettings, Forecast } from './forecast.ts'

function after(values: readonly number[], more: Partial<typeof defaultForecastSettings> = {}): Forecast {
  const forecast = new Forecast({ ...defaultForecastSettings, ...more })
  for (const value of values) forecast.observe(value)
  return forecast
}
const about = (actual: number | undefined, expected: number, within: number) =>
  assert.ok(Math.abs(actual! - expected) <= within, `${actual} is not ${expected} ± ${within}`)

test('nothing is foretold of nothing, and of a constant that it stays', () => {
  assert.equal(after([]).ahead(1), undefined)
  const constant = after(new Array(50).fill(70))
  assert.deepEqual([constant.ahead(1), constant.ahead(100), constant.error], [70, 70, 0])
})

test('the equations are those of Holt, damped', () => {
  // level 0.5, trend 0.5, damping 0.8; by hand: levels 10, 15, 19.5+…; trends 0, 2.5, …
  const forecast = after([10, 20, 30], { level: 0.5, trend: 0.5, damping: 0.8 })
  // After 20: level 15, trend 2.5. Expected 15 + 0.8·2.5 = 17. After 30: level 23.5, trend 0.5·8.5 + 0.5·2 = 5.25.
  about(forecast.ahead(1), 23.5 + 0.8 * 5.25, 1e-9)
  about(forecast.ahead(2), 23.5 + 0.8 * 5.25 + 0.64 * 5.25, 1e-9)
})

test('a rise is followed, and its end is not foretold as going on for ever', () => {
  const rising = after(Array.from({ length: 100 }, (_, step) => 100 + 10 * step))
  assert.ok(rising.ahead(1)! > rising.ahead(0)!)
  const far = rising.ahead(10_000)!
  assert.ok(far < 1_300, `${far}`)
  about(after([...Array.from({ length: 50 }, (_, step) => 10 * step), ...new Array(60).fill(500)]).ahead(5), 500, 1)
})

test('a season is known from its second time on, also its sudden steps', () => {
  const season = [100, 100, 100, 500, 500, 100, 100, 100]
  const once = after(season, { period: season.length })
  for (const [index, value] of season.entries()) about(once.ahead(index + 1), value, 1e-9)
  const values = [...season, ...season, ...season]
  const forecast = after(values, { period: season.length })
  for (const [index, value] of season.entries()) about(forecast.ahead(index + 1), value, 15)
  assert.ok(after(values, { period: 0 }).ahead(4)! < 200)
})

test('no rate is below zero, whatever came before', () => {
  const rates = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 100 })
  fc.assert(
    fc.property(rates, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 12 }), (values, steps, period) => {
      const ahead = after(values, { period }).ahead(steps)!
      assert.ok(ahead >= 0 && Number.isFinite(ahead))
    }),
  )
})
