import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { rows } from './rows/table.ts'
import type { RowRun } from './run-row.ts'
import { keepStory, tellStory } from './story.ts'

const atMs = Date.UTC(2026, 0, 1, 0, 7, 5, 250)
const recorded: RowRun['history'][number] = {
  ...{ client: 3, operation: { op: 'increment', counter: 'c' }, intendedMs: atMs, startMs: atMs, endMs: atMs + 4 },
  ...{ outcome: { type: 'answered', answer: { type: 'count', value: 1 } }, status: 200, result: { value: 1 } },
  ...{ backend: 'backend-2', epoch: 7, replays: 0, troubles: [] },
}
const run: RowRun = {
  ...{ row: rows[0]!, run: 'r1-1', tookMs: 1, history: [recorded], notes: [{ atMs, text: 'kill -9 backend-1' }] },
  figures: { requests: 1, pauseMs: 0, drops: 0, refusals: 0 },
  violations: [
    { kind: 'lost', what: 'lost, c: gone', count: 1, key: 'c' },
    { kind: 'lost', what: 'lost, c: gone too', count: 1, key: 'c' },
    { kind: 'not as promised', what: 'backend-3 ended', count: 1 },
  ],
}

test('the story tells what was done, what was violated, and the operations concerned', () => {
  assert.deepEqual(tellStory(run).split('\n'), [
    'active-killed (r1-1): active: `kill -9`',
    '  what was done:',
    '    07:05.250 kill -9 backend-1',
    '  VIOLATED lost: lost, c: gone',
    '    07:05.250-07:05.254 client 3 increment c -> 200 {"type":"count","value":1} by backend-2 epoch 7',
    '    and 1 more of this kind on c',
    '  VIOLATED not as promised: backend-3 ended',
  ])
})

test('all is kept: the story, the history, and what each process said', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'heartline-story-'))
  t.after(() => rm(folder, { recursive: true }))
  const lines = [
    { atMs, process: 'backend-1', line: { msg: 'fenced' } },
    { atMs: atMs + 1, process: 'receiver-1', line: { msg: 'decided' } },
  ]
  const said = await keepStory(join(folder, 'row'), run, { lines, brokerLogs: [['broker-1.log', '/nowhere']] })
  assert.match(said, /kept in .*row$/)
  const files = ['all.log', 'backend-1.log', 'history.jsonl', 'receiver-1.log', 'story.txt']
  assert.deepEqual((await readdir(join(folder, 'row'))).toSorted(), files)
  assert.match(await readFile(join(folder, 'row', 'all.log'), 'utf8'), /backend-1 +fenced.*\n.*receiver-1 +decided/)
})
