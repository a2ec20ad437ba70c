import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from './crc32c.ts'

const known: Record<string, [bytes: Uint8Array, checksum: number]> = {
  'the check value of the polynomial': [Buffer.from('123456789'), 0xe3069283],
  'RFC 3720: 32 bytes of zeroes': [new Uint8Array(32), 0x8a9136aa],
  'RFC 3720: 32 bytes of ones': [new Uint8Array(32).fill(0xff), 0x62a8ab43],
  'RFC 3720: 32 incrementing bytes': [Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  'RFC 3720: 32 decrementing bytes': [Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
  nothing: [new Uint8Array(0), 0],
}
for (const [title, [bytes, checksum]] of Object.entries(known)) {
  test(`the checksum is the published one: ${title}`, () => assert.equal(crc32c(bytes), checksum))
}

test('eight bytes a step give what one bit a step gives, of any length and alignment', () => {
  const bytes = fc.uint8Array({ maxLength: 100 })
  fc.assert(
    fc.property(bytes, fc.nat(9), (all, from) => {
      const part = all.subarray(from)
      assert.equal(crc32c(part), bitByBit(part))
    }),
  )
})

function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
