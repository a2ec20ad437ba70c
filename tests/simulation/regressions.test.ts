/** What the simulation has found, each by a world made for it: it fails without what mended it. And the world in which nothing is to be found. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planOf } from './plan.ts'
import { runWorld } from './run-world.ts'

test('a world without faults answers everything', async () => {
  const verdict = await runWorld({ ...planOf(1), faults: [] })
  assert.equal(verdict.violation, null)
  assert.equal(verdict.answered, verdict.operations)
})
