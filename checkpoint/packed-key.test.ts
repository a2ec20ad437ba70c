import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PackedKey } from './packed-key.ts'

/** HalfSipHash-1-3 of the bytes 0, 1, 2 … of lengths 0, 1, 2 …, as Linux publishes it (test_vectors_hsiphash, 32-bit). */
const published = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6, 0x577999b1,
  0xc839caed, 0xe4fa32cf, 0x959246ee, 0x6b28096c, 0x66dd9cd6, 0x16658a7c, 0xd0257b04, 0x8b31d501, 0x2b1cd04b,
]

test('keys are hashed as HalfSipHash-1-3 says, from text and from bytes', () => {
  const key = new PackedKey([0x03020100, 0x07060504])
  for (const [length, hash] of published.entries()) {
    const bytes = Uint8Array.from({ length: length + 3 }, (_, index) => index - 3)
    key.takeBytes(bytes, 3, length)
    assert.equal(key.hash >>> 0, hash)
    key.take(String.fromCharCode(...bytes.subarray(3)))
    assert.equal(key.hash >>> 0, hash)
  }
})

test('a key is written as UTF-8, and recognised in front of whatever stands behind it', () => {
  const key = new PackedKey([1, 2])
  const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme', maxLength: 200 }))
  fc.assert(
    fc.property(text, text, fc.nat(20), (wanted, other, at) => {
      const bytes = Buffer.from(wanted)
      const memory = Buffer.alloc(at + bytes.length + 3, 0xee)
      const view = new DataView(memory.buffer, memory.byteOffset, memory.length)
      assert.ok(key.take(wanted))
      assert.equal(key.bytes, bytes.length)
      key.writeAt(view, at)
      assert.deepEqual(memory.subarray(at, at + bytes.length), bytes)
      assert.deepEqual(memory.subarray(0, at), Buffer.alloc(at, 0xee))
      memory.fill(0xee, at + bytes.length)
      assert.ok(key.isAt(view, at))
      key.take(other)
      if (Buffer.byteLength(other) === bytes.length) assert.equal(key.isAt(view, at), other === wanted)
    }),
  )
})

test('a key that differs in one byte only is another one', () => {
  const key = new PackedKey([1, 2])
  const memory = Buffer.from('0123456789abc___')
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length)
  for (let length = 1; length <= 13; length++) {
    for (let wrong = 0; wrong < length; wrong++) {
      key.take(`${'0123456789abc'.slice(0, wrong)}X${'0123456789abc'.slice(wrong + 1, length)}`)
      assert.equal(key.isAt(view, 0), false)
    }
  }
})
