import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from './arena.ts'
import { PackedMap } from './packed-map.ts'
import { type NamedMap, type Step, TransactionEncoder } from './transaction-encoder.ts'

const blockBytes = 1024 * 1024

test('what is deleted costs a transaction its key and never its value', () => {
  const packed = new PackedMap(new Arena({ seed: [1, 2] }))
  const map: NamedMap = { name: 'm', nameBytes: Buffer.from('\x01\0\0\0m'), packed }
  const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`)
  const text = JSON.stringify('v'.repeat(100_000))
  for (const key of keys) packed.put(key, text)
  const steps: Step[] = keys.map((key) => ({ map, key, before: packed.remove(key), after: 0 }))
  const { block, start, end } = new TransactionEncoder().encode(null, null, steps)
  const encoded = block.subarray(start, end)
  const expected = keys.map((key) => `\x01\0\0\0m${String.fromCharCode(key.length)}\0\0\0\xff\xff\xff\xff${key}`)
  assert.equal(encoded.toString('latin1', 12), expected.join(''))
  assert.equal(block.length, blockBytes, 'a transaction of a kilobyte takes no block of its own')
})
