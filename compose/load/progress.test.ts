import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LoadProgress } from './load.ts'
import { ProgressLine, type ProgressOutput, progressText } from './progress.ts'

const progress: LoadProgress = {
  requests: 12,
  ok: 11,
  errors: 1,
  waiting: 0,
  backend: 'b',
  epoch: 0,
  backends: { b: 7, a: 4 },
}

test('the line names the active and its epoch, or how often each backend answered', () => {
  assert.equal(progressText(progress, 1_234), '  1.2 s  12 requests, 11 ok, 1 errors  (a 4, b 7)')
  assert.match(progressText({ ...progress, epoch: 3, waiting: 2 }, 0), /1 errors, 2 waiting {2}\(b, epoch 3\)$/)
  assert.match(progressText({ ...progress, ok: 0 }, 0), /\(no answer yet\)$/)
  assert.match(progressText({ ...progress, backends: {} }, 0), /\(answers name no backend\)$/)
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`b${index}`, 1]))
  assert.match(progressText({ ...progress, backends: many }, 0), /b5 1, 3 more\)$/)
})

for (const [where, out, pattern] of [
  ['a terminal it rewrites itself, and never wraps', { isTTY: true, columns: 30 }, /^(\r<clear>.{29})+\r<clear>$/],
  [
    'a terminal of unknown width it fits 80 columns',
    { isTTY: true, columns: 0 },
    /^(\r<clear>[^\r\n]{40,78}\))+\r<clear>$/,
  ],
  ['a file it is plain lines', {}, /^([^\r<\n]+\n)+$/],
] as const)
  test(`on ${where}`, (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    let written = ''
    const output: ProgressOutput = { ...out, write: (text) => (written += text) }
    const line = new ProgressLine({ out: output })
    line.start(() => progress)
    t.mock.timers.tick(3_000)
    line.stop()
    assert.match(written.replaceAll('\x1b[K', '<clear>'), pattern)
  })
