/** The simulation itself, in the short form that runs with all tests: `npm run simulate` has as many worlds as wanted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultKinds, planOf } from './plan.ts'
import { runSeeds } from './pool.ts'
import { runWorld } from './run-world.ts'
import { shortest } from './shrink.ts'

/** For about so long worlds are run, on two cores. */
const seeds = 40

test('no world breaks an invariant', async () => {
  const tally = await runSeeds({ seeds, from: 1, workers: 2, only: undefined, progress: () => undefined })
  assert.deepEqual(tally.violations, [])
  assert.equal(tally.worlds, seeds)
  assert.ok(tally.operations >= 200 * seeds, `${tally.operations} operations in ${seeds} worlds`)
  assert.ok(tally.virtualMs >= 20_000 * seeds)
  for (const kind of faultKinds) assert.ok((tally.counts[`fault: ${kind}`] ?? 0) > 0, `${kind} never happened`)
})

test('the same seed gives the same world, event by event', async () => {
  for (const seed of [3, 4]) {
    const [one, other] = [await runWorld(planOf(seed)), await runWorld(planOf(seed), true)]
    assert.equal(one.traceHash, other.traceHash)
    assert.equal(one.events, other.events)
    assert.deepEqual(one.counts, other.counts)
    assert.ok(other.story.length > 100)
  }
  const [third, fourth] = [await runWorld(planOf(3)), await runWorld(planOf(4))]
  assert.notEqual(third.traceHash, fourth.traceHash)
})

test('a story is shrunk to the faults that it needs', async () => {
  const plan = planOf(5)
  const [needed, other] = [plan.faults[1]!, plan.faults.at(-1)!]
  const least = await shortest(plan, async ({ faults }) => faults.includes(needed) && faults.includes(other))
  assert.deepEqual(least.faults, [needed, other])
})
