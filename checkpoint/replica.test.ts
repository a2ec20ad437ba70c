import { test } from 'node:test'
import fc from 'fast-check'
import { World } from './replica-world.ts'

const story = fc.array(fc.nat({ max: 10_000 }), { minLength: 20, maxLength: 160, size: 'max' })

test('exactly once and linearizable under any interleaving of writers, zombies and lost answers', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 2 }), story, (writers, crashes, choices) => {
      new World({ writers, crashes, operations: 12 }).run(choices)
    }),
    { numRuns: Number(process.env.HEARTLINE_TEST_RUNS ?? 1_500) },
  )
})
