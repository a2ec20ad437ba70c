import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { World } from './replica-world.ts'

/** How often a property is tried. */
const numRuns = Number(process.env.HEARTLINE_TEST_RUNS ?? 1_500)
const story = fc.array(fc.nat({ max: 10_000 }), { minLength: 20, maxLength: 160, size: 'max' })

test('exactly once and linearizable under any interleaving of writers, zombies and lost answers', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 2 }), story, (writers, crashes, choices) => {
      new World({ writers, crashes, operations: 12 }).run(choices)
    }),
    { numRuns },
  )
})

const leaseStory = fc.array(fc.nat({ max: 10_000 }), { minLength: 40, maxLength: 240, size: 'max' })

function leaseWorlds(waits: boolean, runs: number, seed?: number): void {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 3 }),
      fc.integer({ min: 0, max: 2 }),
      leaseStory,
      (writers, crashes, choices) => {
        new World({ writers, crashes, operations: 40, leases: { waits } }).run(choices)
      },
    ),
    { numRuns: runs, endOnFailure: true, ...(seed === undefined ? {} : { seed }) }, // a story is short enough to be read, and long to shrink
  )
}

test('reads under leases are linearizable, none waits for ever, under any interleaving of namings, grants and zombies', () => {
  leaseWorlds(true, numRuns / 3)
})

test('the world of leases notices a granter that names another before a lease has run out', () => {
  assert.throws(
    () => leaseWorlds(false, 2_000, 1),
    ({ cause }: Error) => /^stale read/.test((cause as Error).message),
  )
})
