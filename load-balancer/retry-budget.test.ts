import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RetryBudget } from './retry-budget.ts'

/** How many retries are granted of so many asked for. */
function granted(budget: RetryBudget, asked: number, nowMs: number): number {
  return Array.from({ length: asked }, () => budget.take(nowMs)).filter(Boolean).length
}

describe('a retry budget', () => {
  it('grants the share of the requests that came', () => {
    const budget = new RetryBudget({ share: 0.2, floorPerSecond: 0, windowMs: 10_000 })
    for (let request = 0; request < 1_000; request++) budget.requested(request)
    assert.equal(granted(budget, 1_000, 1_000), 200)
  })

  it('grants its floor without any request, and once a window only', () => {
    const budget = new RetryBudget({ share: 0.2, floorPerSecond: 10, windowMs: 10_000 })
    assert.equal(granted(budget, 1_000, 0), 100)
    assert.equal(granted(budget, 10, 8_999), 0)
    assert.equal(granted(budget, 1_000, 10_000), 100)
  })

  it('forgets what came longer ago than the window', () => {
    const budget = new RetryBudget({ share: 0.5, floorPerSecond: 0, windowMs: 10_000 })
    for (let request = 0; request < 10; request++) budget.requested(0)
    assert.equal(granted(budget, 10, 10_000), 0)
  })

  it('grants nothing where nothing is to be granted', () => {
    const budget = new RetryBudget({ share: 0, floorPerSecond: 0, windowMs: 10_000 })
    budget.requested(0)
    assert.equal(budget.take(0), false)
  })
})

it('in no window are there more retries than the share of its requests, and what was left before, allow', () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat(400), retries: fc.nat(4) }), { maxLength: 200 })
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 100 }), fc.nat(3), (given, percent, floorPerSecond) => {
      const share = percent / 100
      const windowMs = 1_000
      const budget = new RetryBudget({ share, floorPerSecond, windowMs })
      const requests: number[] = []
      const retries: number[] = []
      let nowMs = 0
      for (const step of given) {
        nowMs += step.waitMs
        budget.requested(nowMs)
        requests.push(nowMs)
        for (let retry = 0; retry < step.retries; retry++) if (budget.take(nowMs)) retries.push(nowMs)
        const within = (times: number[], lengthMs: number) => times.filter((time) => time > nowMs - lengthMs).length
        // A retry may use up what was earned up to a window before it.
        const earned = share * within(requests, 2 * windowMs) + floorPerSecond
        assert.ok(within(retries, 0.9 * windowMs) <= earned + 1e-9)
      }
    }),
  )
})
