import assert from 'node:assert/strict'
import { it } from 'node:test'
import { judgeSilence } from './silence.ts'

const judge = (nowMs: number, oldestSentMs: number | undefined, heardMs: number) =>
  judgeSilence({ nowMs, oldestSentMs, heardMs, patienceMs: 100, askMs: 50 })

it('a backend is silent only if a request waited that long and nobody heard of it since', () => {
  assert.equal(judge(1_000, undefined, 0), 'fine')
  assert.equal(judge(1_000, 960, 0), 'fine')
  assert.equal(judge(1_000, 950, 0), 'ask')
  assert.equal(judge(1_000, 900, 0), 'silent')
  assert.equal(judge(1_000, 0, 990), 'fine')
  assert.equal(judge(1_000, 0, 900), 'silent')
})
