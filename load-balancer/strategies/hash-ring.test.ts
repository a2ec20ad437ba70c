import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HashRing, type RingMember } from './hash-ring.ts'
import { alike, membersOf, tally } from './test-members.ts'

/** How many points each member has. */
function pointsOf(ring: HashRing): Record<string, number> {
  return tally(Array.from(ring.owners, String))
}

describe('the points on the ring', () => {
  it('are as many as there are virtual nodes, where weights are alike', () => {
    assert.deepEqual(pointsOf(new HashRing(alike(3), { slots: 64, virtualNodes: 100 })), {
      '0': 100,
      '1': 100,
      '2': 100,
    })
    const heavy = alike(3).map(({ name }) => ({ name, weight: 4_096 }))
    assert.equal(new HashRing(heavy, { slots: 64, virtualNodes: 100 }).owners.length, 300)
  })

  it('are as many times more as a member weighs more', () => {
    const { '0': light, '1': heavy } = pointsOf(new HashRing(membersOf([1, 100]), { slots: 64, virtualNodes: 512 }))
    assert.deepEqual({ light, heavy }, { light: 512, heavy: 51_200 })
  })

  it('are bounded, however unequal the weights and however many the members, and each member has one', () => {
    const table: [string, readonly RingMember[], number][] = [
      ['two as unequal as can be', membersOf([0.000_001, 1_000_000]), 2 ** 16],
      ['a light one among heavy ones', membersOf([1, ...Array.from({ length: 10 }, () => 100)]), 2 ** 16],
      ['as many as nobody has', alike(9_000), 2 ** 21],
    ]
    for (const [what, members, most] of table) {
      const { owners } = new HashRing(members, { slots: 64, virtualNodes: 512 })
      assert.equal(new Set(owners).size, members.length, what)
      assert.ok(owners.length <= most, what)
    }
  })

  it('of nobody are none', () => {
    assert.equal(new HashRing([], { slots: 64, virtualNodes: 512 }).owners.length, 0)
  })
})

it('the places of keys go round the ring in the order of their hashes', () => {
  const size = fc.record({ slots: fc.integer({ min: 1, max: 500 }), virtualNodes: fc.integer({ min: 1, max: 50 }) })
  fc.assert(
    fc.property(
      size,
      fc.integer({ min: 1, max: 9 }),
      fc.nat(2 ** 32 - 1),
      fc.nat(2 ** 32 - 1),
      (given, count, a, b) => {
        const ring = new HashRing(alike(count), given)
        const [low, high] = a < b ? [a, b] : [b, a]
        assert.ok(ring.start(low) <= ring.start(high))
        assert.equal(ring.start(0), 0)
        assert.ok(ring.start(2 ** 32 - 1) <= ring.owners.length)
      },
    ),
  )
})

it('a ring fits the members it was made for, and no others', () => {
  const ring = new HashRing(membersOf([1, 2]), { slots: 64, virtualNodes: 8 })
  assert.equal(ring.fits(membersOf([1, 2])), true)
  assert.equal(ring.fits(membersOf([1, 3])), false)
  assert.equal(ring.fits(membersOf([1, 2, 1])), false)
  assert.equal(
    ring.fits([
      { name: 'a00', weight: 1 },
      { name: 'other', weight: 2 },
    ]),
    false,
  )
})
