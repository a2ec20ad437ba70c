import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyMoves } from './key-moves.ts'

test('a key that leaves a backend which is still there has moved needlessly', () => {
  const before = new Map([
    ['k1', 'a'],
    ['k2', 'b'],
    ['k3', 'c'],
    ['k4', 'c'],
    ['k5', 'b'],
  ])
  const after = new Map([
    ['k1', 'a'],
    ['k2', 'a'],
    ['k3', 'a'],
    ['k4', 'c'],
    ['k5', 'c'],
  ])
  assert.deepEqual(keyMoves(before, after, 'b'), { keys: 5, moved: 0.6, needless: 0.2 })
})
