import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Board } from '../board.ts'
import { sampleAtMs, sampleBoard } from '../sample-board.ts'
import { summaryOf } from './summary.ts'

const sample = sampleBoard()
const toned = (board: Board) => summaryOf(board, sampleAtMs).tone

test('who leads, for how long, under which epoch, and who could take over', () => {
  assert.deepEqual(summaryOf(sample, sampleAtMs + 60_000), {
    tone: 'well',
    headline: 'backend-2 leads',
    detail: 'for 1 minute · epoch 8 · no standby behind it',
  })
})

test('a standby is one that could take over: not one that is starting, draining or gone', () => {
  const backends = sample.backends.map((backend) => ({ ...backend, draining: false }))
  assert.match(summaryOf({ ...sample, backends }, sampleAtMs).detail, /1 standby behind it$/)
})

test('a decision that is not yet ready is a change, and says why', () => {
  const reigns = sample.reigns.map((reign) => (reign.epoch === 8 ? { ...reign, readyAtMs: null } : reign))
  const { tone, headline, detail } = summaryOf({ ...sample, reigns }, sampleAtMs)
  assert.equal(tone, 'changing')
  assert.equal(headline, 'backend-2 is taking over')
  assert.match(detail, /^backend-1: its connection was closed/)
})

test('nobody there, nobody leading, a silent active, a receiver that cannot decide', () => {
  const unled = [{ shard: 0, epoch: 8, active: null, sinceMs: null }]
  assert.equal(toned({ ...sample, backends: [], shards: unled }), 'empty')
  assert.equal(toned({ ...sample, shards: unled }), 'wrong')
  const gone = sample.backends.map((backend) => ({ ...backend, alive: false }))
  assert.equal(toned({ ...sample, backends: gone }), 'wrong')
  const silent = sample.backends.map((backend) => (backend.active ? { ...backend, silence: 1 } : backend))
  assert.equal(toned({ ...sample, backends: silent }), 'changing')
  const [first, ...peers] = sample.receivers
  const receivers = [{ ...first!, problem: 'its journal does not answer' }, ...peers]
  assert.deepEqual(summaryOf({ ...sample, receivers }, sampleAtMs), {
    tone: 'wrong',
    headline: 'The receiver that leads cannot decide',
    detail: 'its journal does not answer',
  })
})
