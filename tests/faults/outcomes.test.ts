import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keepOutcome, readOutcomes } from './outcomes.ts'
import type { Outcome } from './report.ts'

test('what was kept is read in order, and what is no outcome is refused', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heartline-outcomes-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'outcomes')
  assert.deepEqual(readOutcomes(path), [])
  const figures = { pauseMs: 12.5, requests: 900, drops: 0, refusals: 1, tookMs: 4_000 }
  const kept: Outcome[] = [
    { row: 'active-killed', ...figures, violations: {} },
    { row: 'active-hangs', ...figures, violations: { error: 1, 'not as promised': 2 } },
  ]
  for (const outcome of kept) keepOutcome(path, outcome)
  assert.deepEqual(readOutcomes(path), kept)
  appendFileSync(path, '{"row":"active-hangs"}\n')
  assert.throws(() => readOutcomes(path), /pauseMs/)
})
