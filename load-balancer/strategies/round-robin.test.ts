import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RoundRobin } from './round-robin.ts'
import { alike, choiceOf, membersOf, tally } from './test-members.ts'

describe('round robin', () => {
  it('takes one after the other, whatever they weigh', () => {
    const strategy = new RoundRobin()
    const members = membersOf([1, 5, 9])
    const names = Array.from({ length: 5 }, () => strategy.choose(choiceOf(members))?.name)
    assert.deepEqual(names, ['a00', 'a01', 'a02', 'a00', 'a01'])
  })

  it('shares evenly among those that may, to within one', () => {
    const given = fc.record({ count: fc.integer({ min: 1, max: 9 }), out: fc.nat(511), turns: fc.nat(60) })
    fc.assert(
      fc.property(given, ({ count, out, turns }) => {
        const strategy = new RoundRobin()
        const members = alike(count)
        const allowed = new Set(members.filter((_, index) => (out & (1 << index)) === 0))
        const may = (one: (typeof members)[number]) => allowed.has(one)
        const names = Array.from({ length: turns }, () => strategy.choose(choiceOf(members, { may }))?.name)
        if (allowed.size === 0) return
        const counts = tally(names)
        for (const { name } of allowed) {
          const had = counts[name] ?? 0
          assert.ok(had === Math.floor(turns / allowed.size) || had === Math.ceil(turns / allowed.size))
        }
      }),
    )
  })

  it('goes on after the last one when members come and go, also if that one went', () => {
    const strategy = new RoundRobin()
    const members = alike(4)
    const [a, b, c, d] = members
    assert.equal(strategy.choose(choiceOf(members)), a)
    assert.equal(strategy.choose(choiceOf(members)), b)
    assert.equal(strategy.choose(choiceOf([a!, c!, d!])), c)
    assert.equal(strategy.choose(choiceOf([a!, b!, c!, d!])), d)
    assert.equal(strategy.choose(choiceOf([a!, b!])), a)
  })
})
