import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyMoves } from './key-moves.ts'

test('a key that leaves a backend which is still there has moved needlessly', () => {
  const before = new Map([
    ['k1', 'a'],
    ['k2', 'b'],
    ['k3', 'c'],
    ['k4', 'c'],
  ])
  const after = new Map([
    ['k1', 'a'],
    ['k2', 'a'],
    ['k3', 'a'],
    ['k4', 'c'],
  ])
  assert.deepEqual(keyMoves(before, after, 'b'), { keys: 4, moved: 0.5, needless: 0.25 })
})
