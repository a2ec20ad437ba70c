import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Narration } from './demo-narration.ts'

test('what the processes log is told without what steers a terminal', (t) => {
  const written = t.mock.method(process.stderr, 'write', () => true)
  new Narration('info', { live: false }).log.warn({ process: 'backend-1' }, 'out\u001b[2J of\u009b2J\nmemory')
  assert.match(String(written.mock.calls[0]?.arguments[0]), / {2}warn {2}backend-1: out of memory\n$/)
})
