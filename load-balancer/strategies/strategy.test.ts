/** What holds for every strategy. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { strategyNames, strategySettings } from './config.ts'
import { createStrategy } from './strategy.ts'
import { alike, choiceOf, membersOf, seeded, tally } from './test-members.ts'

const create = (strategy: string) =>
  createStrategy(strategySettings.parse({ strategy, hashVirtualNodes: 64, hashSlots: 4_096 }))

/** Starts requests in turn and ends each after a while, with some members out of reach. */
const worlds = fc.record({
  weights: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
  steps: fc.array(
    fc.record({ outOfReach: fc.nat(255), ends: fc.boolean(), key: fc.string({ maxLength: 3 }), tookMs: fc.nat(500) }),
    { maxLength: 60 },
  ),
  seed: fc.nat(),
})

for (const strategy of strategyNames) {
  describe(strategy, () => {
    it('chooses a member that may whenever there is one, and none otherwise', () => {
      fc.assert(
        fc.property(worlds, ({ weights, steps, seed }) => {
          const members = membersOf(weights)
          const chooser = create(strategy)
          const random = seeded(seed)
          const open: (typeof members)[number][] = []
          for (const [nowMs, { outOfReach, ends, key, tookMs }] of steps.entries()) {
            const allowed = new Set(members.filter((_, index) => (outOfReach & (1 << index)) === 0))
            const chosen = chooser.choose({ members, may: (one) => allowed.has(one), key, nowMs, random })
            if (allowed.size === 0) assert.equal(chosen, undefined)
            else assert.ok(chosen && allowed.has(chosen))
            if (chosen) {
              chosen.inFlight += 1
              open.push(chosen)
            }
            const ended = ends ? open.shift() : undefined
            if (ended) {
              ended.inFlight -= 1
              ended.latency.record(tookMs, nowMs)
            }
          }
        }),
      )
    })

    it('goes on when members come and go', () => {
      const chooser = create(strategy)
      const random = seeded(7)
      for (let count = 0; count < 20; count++) {
        const members = alike((count * 7) % 11)
        const names = new Set(members.map(({ name }) => name))
        for (let step = 0; step < 5; step++) {
          const chosen = chooser.choose(choiceOf(members, { key: `${step}`, random }))
          assert.equal(chosen !== undefined, names.size > 0)
          assert.ok(!chosen || members.includes(chosen))
        }
      }
    })

    it('gives members that are alike a like share', () => {
      const chooser = create(strategy)
      const members = alike(4)
      const random = seeded(3)
      const names = Array.from(
        { length: 8_000 },
        (_, step) => chooser.choose(choiceOf(members, { key: `user-${step}`, random }))?.name,
      )
      for (const [name, count] of Object.entries(tally(names)))
        assert.ok(count > 1_500 && count < 2_500, `${name}: ${count}`)
    })
  })
}

describe('what is made by a name', () => {
  const made = (settings: object) => createStrategy(strategySettings.parse(settings))

  it('goes round, or by weight', () => {
    const members = membersOf([3, 1])
    const shares = (strategy: string) => {
      const chooser = made({ strategy })
      return tally(Array.from({ length: 8 }, () => chooser.choose(choiceOf(members))?.name))
    }
    assert.deepEqual(shares('round-robin'), { a00: 4, a01: 4 })
    assert.deepEqual(shares('weighted'), { a00: 6, a01: 2 })
  })

  it('goes by load, or by latency', () => {
    const members = alike(2)
    const [slow, busy] = members
    busy!.inFlight = 2
    for (const [index, { latency }] of members.entries()) latency.record(index === 0 ? 1_000 : 1, 0)
    assert.equal(made({ strategy: 'least-connections' }).choose(choiceOf(members)), slow)
    assert.equal(made({ strategy: 'peak-ewma' }).choose(choiceOf(members)), busy)
  })

  it('hashes with the slots, virtual nodes and bound of the settings', () => {
    const members = alike(4)
    const homes = (settings: object) => {
      const chooser = made({ strategy: 'consistent-hash', ...settings })
      return Array.from({ length: 50 }, (_, key) => chooser.choose(choiceOf(members, { key: `${key}` }))!)
    }
    assert.equal(new Set(homes({ hashSlots: 1 })).size, 1)
    assert.notDeepEqual(homes({ hashVirtualNodes: 1 }), homes({}))
    const [crowded] = homes({})
    crowded!.inFlight = 10
    assert.equal(homes({ hashBound: 0 })[0], crowded)
    assert.notEqual(homes({ hashBound: 1.25 })[0], crowded)
  })
})
