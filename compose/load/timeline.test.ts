import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Timeline } from './timeline.ts'

test('what happened is counted in its interval, and a pause is an interval without answers', () => {
  const timeline = new Timeline(1_000)
  timeline.good(1_000, 2, 'a')
  timeline.good(1_049, 4, 'b')
  timeline.error(1_150)
  const points = timeline.points()
  assert.deepEqual(
    points.map(({ atSeconds, goodPerSecond, errorsPerSecond, backends }) => [
      atSeconds,
      goodPerSecond,
      errorsPerSecond,
      backends,
    ]),
    [
      [0, 40, 0, { a: 1, b: 1 }],
      [0.05, 0, 0, {}],
      [0.1, 0, 0, {}],
      [0.15000000000000002, 0, 20, {}],
    ],
  )
  assert.equal(points[0]?.latencyMs?.max, 4)
  assert.equal(points[1]?.latencyMs, null)
})

test('a long run has no more intervals than a short one, and loses nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(200_000), { minLength: 1, maxLength: 60 }), (gapsMs) => {
      const timeline = new Timeline(0)
      let atMs = 0
      for (const [index, gapMs] of gapsMs.entries()) {
        atMs += gapMs
        if (index % 3 === 0) timeline.error(atMs)
        else timeline.good(atMs, index, `backend-${index % 2}`)
      }
      const points = timeline.points()
      assert.ok(points.length <= 1_200)
      const seconds = timeline.widthMs / 1_000
      const total = (count: (point: (typeof points)[number]) => number) =>
        Math.round(points.reduce((sum, point) => sum + count(point), 0))
      const errors = Math.ceil(gapsMs.length / 3)
      assert.equal(
        total(({ errorsPerSecond }) => errorsPerSecond * seconds),
        errors,
      )
      assert.equal(
        total(({ goodPerSecond }) => goodPerSecond * seconds),
        gapsMs.length - errors,
      )
      assert.equal(
        total(({ backends }) => Object.values(backends).reduce((sum, count) => sum + count, 0)),
        gapsMs.length - errors,
      )
    }),
  )
})

test('names beyond a bound are counted together', () => {
  const timeline = new Timeline(0)
  for (let index = 0; index < 500; index++) timeline.good(1, 1, `backend-${index}`)
  const { backends } = timeline.points()[0]!
  assert.equal(Object.keys(backends).length, 51)
  assert.equal(backends.others, 450)
})
