import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Shortlist } from './shortlist.ts'
import { membersOf, tally } from './test-members.ts'
import { Turns } from './turns.ts'

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 })

function listOf(indexes: readonly number[]): Shortlist {
  const list = new Shortlist()
  list.reset(indexes.length)
  for (const index of indexes) list.add(index)
  return list
}

/** The indexes of so many turns in which all take part. */
function turnsOf(given: readonly number[], count: number): number[] {
  const members = membersOf(given)
  const turns = new Turns()
  const all = listOf([...given.keys()])
  return Array.from({ length: count }, () => turns.take(members, all))
}

describe('smooth weighted turns', () => {
  it('are those of nginx', () => {
    assert.deepEqual(turnsOf([5, 1, 1], 7), [0, 0, 1, 0, 2, 0, 0])
    assert.deepEqual(turnsOf([2, 3], 5), [1, 0, 1, 0, 1])
  })

  it('are exactly as many for each as its weight, over as many as the weights sum up to, again and again', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 3 }), (given, rounds) => {
        const total = given.reduce((sum, weight) => sum + weight, 0)
        const taken = turnsOf(given, total * rounds)
        for (const [index, weight] of given.entries())
          assert.equal(taken.filter((turn) => turn === index).length, weight * rounds)
      }),
    )
  })

  it('lie apart: at no time has one had a whole turn more than its share', () => {
    fc.assert(
      fc.property(weights, (given) => {
        const total = given.reduce((sum, weight) => sum + weight, 0)
        const had = given.map(() => 0)
        for (const [turn, index] of turnsOf(given, 2 * total).entries()) {
          had[index]! += 1
          assert.ok(had[index]! < ((turn + 1) * given[index]!) / total + 1)
        }
      }),
    )
  })

  it('with like weights go round', () => {
    assert.deepEqual(turnsOf([3, 3, 3], 6), [0, 1, 2, 0, 1, 2])
  })

  it('are shared by weight among those who take part', () => {
    const members = membersOf([1, 2, 3])
    const turns = new Turns()
    const without = Array.from({ length: 40 }, () => turns.take(members, listOf([0, 2])))
    assert.deepEqual(tally(without.map(String)), { '0': 10, '2': 30 })
    assert.equal(turns.take(members, listOf([])), -1)
  })

  it('go on when members come and go, with what each is owed', () => {
    const members = membersOf([1, 1, 1, 1])
    const turns = new Turns()
    const three = members.slice(0, 3)
    assert.equal(turns.take(three, listOf([0, 1, 2])), 0)
    const taken = Array.from({ length: 3 }, () => turns.take(members, listOf([0, 1, 2, 3])))
    assert.deepEqual(taken, [1, 2, 3], 'the first one had its turn')
    const rest = members.slice(1)
    assert.equal(turns.take(rest, listOf([0, 1, 2])), 0)
  })
})
