import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sumOf } from './state-sum.ts'

const entries: [string, unknown][] = [
  ['a', { value: 'x' }],
  ['b', { value: 'y' }],
]

test('the order of keys does not matter', () => {
  assert.deepEqual(sumOf(entries), sumOf([...entries].reverse()))
})

test('a key that is missing, doubled, or has another value shows', () => {
  const { sum } = sumOf(entries)
  for (const other of [
    entries.slice(1),
    [...entries, entries[0]!],
    [['a', { value: 'z' }], entries[1]!] as [string, unknown][],
    [
      ['a', { value: 'y' }],
      ['b', { value: 'x' }],
    ] as [string, unknown][],
  ])
    assert.notEqual(sumOf(other).sum, sum)
})

test('bytes are those of the keys and of the JSON texts', () => {
  assert.deepEqual({ ...sumOf(entries), sum: 0 }, { keys: 2, bytes: 2 * (1 + '{"value":"x"}'.length), sum: 0 })
})
