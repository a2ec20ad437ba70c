import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { RollingSum } from './rolling-sum.ts'

it('what was added counts for nine to ten tenths of the window, and then no more', () => {
  const additions = fc.array(fc.record({ amount: fc.integer({ min: -5, max: 5 }), waitMs: fc.nat(1_500) }), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(additions, (given) => {
      const sum = new RollingSum(1_000)
      const added: { amount: number; atMs: number }[] = []
      let nowMs = 0
      for (const { amount, waitMs } of given) {
        nowMs += waitMs
        sum.add(amount, nowMs)
        added.push({ amount, atMs: nowMs })
        // By tenths: what was added in this tenth or one of the nine before it.
        const counted = added.filter(({ atMs }) => Math.floor(nowMs / 100) - Math.floor(atMs / 100) < 10)
        assert.equal(
          sum.total(nowMs),
          counted.reduce((total, one) => total + one.amount, 0),
        )
      }
      assert.equal(sum.total(nowMs + 1_000), 0)
    }),
  )
})

it('cleared, it holds nothing', () => {
  const sum = new RollingSum(1_000)
  sum.add(3, 10)
  sum.clear()
  assert.equal(sum.total(10), 0)
  assert.equal(sum.total(500), 0)
})
