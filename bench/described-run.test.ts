import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeRun } from './described-run.ts'

test('a run is described as a person types it, without what only says where the report goes', async () => {
  const { command, madeAt, commit } = await describeRun(['failover', '--kills', '3', '--json', '--raw', 'a.json'])
  assert.equal(command, 'npm run bench -- failover --kills 3')
  assert.ok(Math.abs(Date.parse(madeAt) - Date.now()) < 60_000)
  assert.match(commit ?? 'none', /^([0-9a-f]{7}\+?|none)$/)
})
