import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { strategySettings } from './config.ts'
import { ConsistentHash } from './consistent-hash.ts'
import { alike, choiceOf, member, membersOf, seeded, type TestMember, tally } from './test-members.ts'

const defaults = strategySettings.parse({ strategy: 'consistent-hash' })
const { hashSlots: slots, hashVirtualNodes: virtualNodes, hashBound } = defaults
const unbounded = (size = { slots, virtualNodes }) => new ConsistentHash({ ...size, bound: 0 })

const keys = Array.from({ length: 20_000 }, (_, index) => `user-${index}`)

const page = readFileSync(join(import.meta.dirname, '../../docs/consistent-hashing.md'), 'utf8')

/** A figure as the documentation gives it: nothing here is timed, so it is the same everywhere. */
function assertDocumented(figure: string): void {
  assert.ok(page.includes(figure), `docs/consistent-hashing.md should say: ${figure}`)
}

/** The name of each key's member. */
function homes(strategy: ConsistentHash, members: readonly TestMember[]): string[] {
  return keys.map((key) => strategy.choose(choiceOf(members, { key }))!.name)
}

describe('when one of N members leaves', () => {
  it('only its keys move, and at most 1.3/N of all, for N from 2 to 20 and whoever leaves', (t) => {
    for (let count = 2; count <= 20; count++) {
      const strategy = unbounded()
      const members = alike(count)
      const before = homes(strategy, members)
      let most = 0
      for (const left of members) {
        const rest = members.filter((one) => one !== left)
        const moved = homes(strategy, rest).map((home, index) => (home === before[index] ? undefined : before[index]))
        const { none: stayed = 0, [left.name]: leftWithIt = 0, ...others } = tally(moved)
        assert.deepEqual(others, {})
        assert.equal(stayed + leftWithIt, keys.length)
        most = Math.max(most, leftWithIt / keys.length)
      }
      assert.ok(most <= 1.3 / count, `N = ${count}: ${most * count}/N`)
      if (![2, 3, 5, 10, 20].includes(count)) continue
      t.diagnostic(`N = ${count}: at most ${(most * count).toFixed(2)}/N moved`)
      assertDocumented(`| ${count} | ${(most * count).toFixed(2)}/N | 0 |`)
    }
  })

  it('its keys go where they go while it may not', () => {
    const strategy = unbounded()
    const members = alike(5)
    const [, out] = members
    const may = (one: TestMember) => one !== out
    const passedOver = keys.map((key) => strategy.choose(choiceOf(members, { key, may }))!.name)
    assert.deepEqual(
      passedOver,
      homes(
        strategy,
        members.filter((one) => one !== out),
      ),
    )
  })

  it('any ring, of few slots or of few virtual nodes, moves only its keys', () => {
    const sizes = fc.record({ slots: fc.integer({ min: 1, max: 300 }), virtualNodes: fc.integer({ min: 1, max: 20 }) })
    const names = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 8 })
    // From 4 to below 8, so that the least of any of them is under the same power of two.
    const weights = fc.array(fc.integer({ min: 4, max: 7 }), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(sizes, names, weights, fc.nat(), (size, given, weighed, seed) => {
        const strategy = unbounded(size)
        const members = given.sort().map((name, index) => member(name, weighed[index]))
        const left = members[seed % members.length]
        const rest = members.filter((one) => one !== left)
        for (const key of keys.slice(0, 100)) {
          const home = strategy.choose(choiceOf(members, { key }))
          if (home !== left) assert.equal(strategy.choose(choiceOf(rest, { key })), home)
        }
      }),
    )
  })
})

describe('the ring', () => {
  /** What the fullest member has, as a multiple of the mean, over several sets of names. */
  const fullest = (count: number, nodes: number) => {
    const sets = Array.from({ length: 8 }, (_, set) =>
      Array.from({ length: count }, (_, index) => member(`10.0.${set}.${index}:3000`)),
    )
    const counts = sets.flatMap((members) =>
      Object.values(tally(homes(unbounded({ slots, virtualNodes: nodes }), members))),
    )
    return Math.max(...counts) / (keys.length / count)
  }

  it('keeps each member within 1.3 of the mean, whatever the members are called', () => {
    for (const count of [2, 3, 5, 10, 20]) assert.ok(fullest(count, virtualNodes) <= 1.3, `N = ${count}`)
  })

  it('is the more even the more virtual nodes there are', (t) => {
    const measured = [32, 128, 512].map((nodes) => ({ nodes, most: fullest(10, nodes) }))
    for (const { nodes, most } of measured) t.diagnostic(`${nodes} virtual nodes: up to ${most.toFixed(2)} of the mean`)
    const [few, some, many] = measured.map(({ most }) => most.toFixed(2))
    assertDocumented(
      `32 virtual nodes let it have ${few} of the mean, 128 let it have ${some}, 512 let it have ${many}.`,
    )
    assert.deepEqual(
      measured.toSorted((a, b) => b.most - a.most).map(({ nodes }) => nodes),
      [32, 128, 512],
    )
  })

  it('gives shares by weight', () => {
    const counts = tally(homes(unbounded(), membersOf([1, 2, 5])))
    for (const [name, weight] of Object.entries({ a00: 1, a01: 2, a02: 5 })) {
      const share = (counts[name]! / keys.length) * 8
      assert.ok(Math.abs(share - weight) < 0.15 * weight, `${name}: ${share}`)
    }
  })

  it('gives shares by weight also where weights are large or less than one', () => {
    for (const scale of [0.01, 1_000_000 / 3]) {
      const counts = tally(homes(unbounded(), membersOf([scale, 3 * scale])))
      assert.ok(Math.abs(counts.a01! / counts.a00! - 3) < 0.5)
    }
  })

  it('has a place for members however unequal they are', () => {
    assert.equal(homes(unbounded({ slots, virtualNodes: 8 }), membersOf([0.000_001, 1_000_000])).length, keys.length)
  })

  it('is the same for whoever makes it: the same key has the same member', () => {
    assert.deepEqual(homes(unbounded(), alike(4)), homes(unbounded(), alike(4)))
  })

  it('stays when the members are told again, and changes with their weights', () => {
    const strategy = unbounded()
    const before = homes(strategy, alike(3))
    assert.deepEqual(homes(strategy, alike(3)), before)
    assert.notDeepEqual(homes(strategy, membersOf([1, 1, 3])), before)
  })

  it('takes the turn past its end', () => {
    const strategy = unbounded({ slots: 64, virtualNodes: 1 })
    assert.equal(new Set(homes(strategy, alike(2))).size, 2)
  })

  it('without a key goes by chance', () => {
    const random = seeded(9)
    const members = alike(3)
    const strategy = unbounded()
    const names = Array.from({ length: 300 }, () => strategy.choose(choiceOf(members, { random }))!.name)
    for (const count of Object.values(tally(names))) assert.ok(count > 60)
  })
})

/** A key of few: the k-th is asked for 1/k as often as the first (Zipf). */
function zipfKeys(count: number, random: () => number): () => string {
  const cumulated: number[] = []
  let sum = 0
  for (let rank = 1; rank <= count; rank++) {
    sum += 1 / rank
    cumulated.push(sum)
  }
  return () => {
    const drawn = random() * sum
    return `page-${cumulated.findIndex((bound) => drawn <= bound)}`
  }
}

/** Requests that come and go, about `open` under way; answers the highest load given, as a multiple of the mean, and the share at home. */
function runZipf(strategy: ConsistentHash, count: number, open: number) {
  const random = seeded(count)
  const keyOf = zipfKeys(1_000, random)
  const members = alike(count)
  const underWay: TestMember[] = []
  let most = 0
  let atHome = 0
  const steps = 12_000
  const home = unbounded()
  for (let step = 0; step < steps; step++) {
    const key = keyOf()
    const chosen = strategy.choose(choiceOf(members, { key, random }))!
    if (chosen === home.choose(choiceOf(members, { key }))) atHome += 1
    chosen.inFlight += 1
    underWay.push(chosen)
    if (step >= open) most = Math.max(most, chosen.inFlight / (underWay.length / count))
    if (underWay.length > open) {
      const at = Math.floor(random() * underWay.length)
      underWay[at]!.inFlight -= 1
      underWay[at] = underWay.at(-1)!
      underWay.pop()
    }
  }
  return { most, atHome: atHome / steps }
}

describe('with bounded loads', () => {
  const bounded = () => new ConsistentHash({ slots, virtualNodes, bound: hashBound })

  it('no member gets one that puts it above its bound, and somebody always takes it', () => {
    const states = fc.array(
      fc.record({ weight: fc.integer({ min: 1, max: 5 }), inFlight: fc.nat(30), allowed: fc.boolean() }),
      { minLength: 1, maxLength: 8 },
    )
    fc.assert(
      fc.property(states, fc.string(), fc.constantFrom(1, 1.25, 2), (given, key, bound) => {
        const strategy = new ConsistentHash({ slots: 1_024, virtualNodes: 16, bound })
        const members = given.map(({ weight, inFlight }, index) => member(`b${index}`, weight, inFlight))
        const allowed = members.filter((_, index) => given[index]!.allowed)
        const chosen = strategy.choose(choiceOf(members, { key, may: (one) => allowed.includes(one) }))
        if (allowed.length === 0) return assert.equal(chosen, undefined)
        assert.ok(chosen, 'somebody takes it')
        const total = allowed.reduce((sum, { inFlight }) => sum + inFlight, 0) + 1
        const weight = allowed.reduce((sum, one) => sum + one.weight, 0)
        const mean = (total * chosen.weight) / weight
        // Where the bound leaves no room for one more than the mean, it is rounded up.
        const most = (bound - 1) * mean < 1 ? Math.ceil(bound * mean) : bound * mean
        assert.ok(chosen.inFlight + 1 <= most)
      }),
    )
  })

  for (const count of [2, 5, 10, 20]) {
    it(`popular keys load no member beyond 1.25 of the mean (N = ${count})`, (t) => {
      const open = 40 * count
      const { most, atHome } = runZipf(bounded(), count, open)
      const without = runZipf(unbounded(), count, open)
      assert.ok(most <= 1.25, `${most}`)
      assert.ok(without.most > 1.3, `the bound was not needed: ${without.most}`)
      assert.ok(atHome > 0.5, `${atHome}`)
      const home = `${(100 * atHome).toFixed(0)} % of the requests at their key's own member`
      t.diagnostic(`N = ${count}: ${most.toFixed(2)} of the mean (unbounded ${without.most.toFixed(2)}), ${home}`)
      assertDocumented(
        `| ${count} | ${most.toFixed(2)} | ${(100 * atHome).toFixed(0)} % | ${without.most.toFixed(2)} |`,
      )
    })
  }

  it('a key that nobody crowds stays at home', () => {
    const strategy = bounded()
    const members = alike(5)
    assert.deepEqual(homes(strategy, members), homes(unbounded(), members))
  })

  it('who is full passes its keys to the next on the ring, and to the one after that only if that is full too', () => {
    const strategy = bounded()
    const members = alike(4)
    const firstOf = (may: (one: TestMember) => boolean) => strategy.choose(choiceOf(members, { key: 'popular', may }))!
    const first = firstOf(() => true)
    const second = firstOf((one) => one !== first)
    const third = firstOf((one) => one !== first && one !== second)
    first.inFlight = 8
    assert.equal(
      firstOf(() => true),
      second,
    )
    second.inFlight = 8
    assert.equal(
      firstOf(() => true),
      third,
    )
  })
})
