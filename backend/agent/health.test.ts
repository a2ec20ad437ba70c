import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Health } from './health.ts'

const good = { ok: true } as const
const bad = { ok: false, refused: false, reason: 'GET /health answered 503' } as const
const nobody = { ok: false, refused: true, reason: 'GET /health: connection refused' } as const

describe('health', () => {
  it('is not there before the first good check, and one is enough', () => {
    const health = new Health({ checkIntervalMs: 1_000, checkFailures: 3 })
    assert.equal(health.healthy, false)
    assert.equal(health.checked(nobody), false)
    assert.equal(health.checked(good), true)
    assert.equal(health.checked(good), false)
    assert.equal(health.healthy, true)
  })

  it('is lost after so many bad checks in a row, and not before', () => {
    const health = new Health({ checkIntervalMs: 1_000, checkFailures: 3 })
    for (const outcome of [good, bad, bad, good, bad, bad]) health.checked(outcome)
    assert.equal(health.healthy, true)
    assert.equal(health.checked(bad), true)
    assert.deepEqual([health.healthy, health.reason], [false, 'GET /health answered 503'])
    assert.equal(health.checked(good), true)
    assert.equal(health.checked(bad), false, 'and they are counted anew')
  })

  it('is lost at once if nobody listens', () => {
    const health = new Health({ checkIntervalMs: 1_000, checkFailures: 3 })
    health.checked(good)
    assert.equal(health.checked(nobody), true)
  })

  it('is asked after at the interval while it is there, and else soon at first', () => {
    const health = new Health({ checkIntervalMs: 300, checkFailures: 1 })
    const pauses = [nobody, nobody, nobody, nobody, nobody, good, good, bad, bad].map((outcome) => {
      health.checked(outcome)
      return health.pauseMs
    })
    assert.deepEqual(pauses, [100, 200, 300, 300, 300, 300, 300, 50, 100])
    assert.equal(new Health({ checkIntervalMs: 20, checkFailures: 1 }).pauseMs, 20)
  })
})
