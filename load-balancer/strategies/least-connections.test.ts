import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LeastConnections } from './least-connections.ts'
import { alike, choiceOf, member, membersOf, tally } from './test-members.ts'

const given = fc.array(
  fc.record({ weight: fc.integer({ min: 1, max: 9 }), inFlight: fc.nat(20), allowed: fc.boolean() }),
  { maxLength: 9 },
)

describe('least connections', () => {
  it('never takes a member with strictly more in flight for its weight than another that may', () => {
    const strategy = new LeastConnections()
    fc.assert(
      fc.property(given, (states) => {
        const members = states.map(({ weight, inFlight }, index) => member(`b${index}`, weight, inFlight))
        const may = (one: (typeof members)[number]) => states[members.indexOf(one)]!.allowed
        const chosen = strategy.choose(choiceOf(members, { may }))
        for (const one of members.filter(may)) assert.ok(chosen!.inFlight / chosen!.weight <= one.inFlight / one.weight)
      }),
    )
  })

  it('with nothing in flight takes turns by weight', () => {
    const strategy = new LeastConnections()
    const members = membersOf([1, 3])
    const names = Array.from({ length: 40 }, () => strategy.choose(choiceOf(members))?.name)
    assert.deepEqual(tally(names), { a00: 10, a01: 30 })
  })

  it('fills members by weight, with no two more than needed on any', () => {
    const strategy = new LeastConnections()
    const members = membersOf([1, 2, 5])
    for (let request = 0; request < 80; request++) strategy.choose(choiceOf(members))!.inFlight += 1
    assert.deepEqual(
      members.map(({ inFlight }) => inFlight),
      [10, 20, 50],
    )
  })

  it('leaves alone who is slow', () => {
    const strategy = new LeastConnections()
    const members = alike(3)
    const [slow] = members
    const open: typeof members = []
    let toSlow = 0
    for (let request = 0; request < 300; request++) {
      const chosen = strategy.choose(choiceOf(members))!
      chosen.inFlight += 1
      if (chosen === slow) toSlow += 1
      else open.push(chosen)
      // The others answer when six requests are under way.
      if (open.length > 6) open.shift()!.inFlight -= 1
    }
    assert.ok(toSlow <= 4, `${toSlow} went to the one that never answers`)
  })
})
