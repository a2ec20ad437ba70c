/**
 * CRC-32C, the checksum of Kafka's record batches (Castagnoli's polynomial, RFC 3720 section B.4), eight bytes a step: "slicing-by-8" of
 * Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", IEEE Transactions on Computers 57, 2008.
 */
const polynomial = 0x82f63b78 // its bits in reverse

/** `afterN[byte]` is what a byte comes to with N zero bytes after it. */
const after0 = Int32Array.from({ length: 256 }, (_, byte) => eightBits(byte))
const after1 = after0.map(withZeroByte)
const after2 = after1.map(withZeroByte)
const after3 = after2.map(withZeroByte)
const after4 = after3.map(withZeroByte)
const after5 = after4.map(withZeroByte)
const after6 = after5.map(withZeroByte)
const after7 = after6.map(withZeroByte)

/** The checksum, an unsigned 32-bit number. Right on little-endian processors only: the words are read as the processor has them. */
export function crc32c(bytes: Uint8Array): number {
  const { buffer, byteOffset, length } = bytes
  if (length < 16) return ~byteByByte(-1, bytes, 0, length) >>> 0
  const untilAligned = -byteOffset & 3
  const wordCount = ((length - untilAligned) >>> 3) << 1
  const words = new Int32Array(buffer, byteOffset + untilAligned, wordCount)
  let crc = byteByByte(-1, bytes, 0, untilAligned)
  for (let index = 0; index < wordCount; index += 2) {
    const low = words[index]! ^ crc
    const high = words[index + 1]!
    crc =
      after7[low & 255]! ^
      after6[(low >>> 8) & 255]! ^
      after5[(low >>> 16) & 255]! ^
      after4[low >>> 24]! ^
      after3[high & 255]! ^
      after2[(high >>> 8) & 255]! ^
      after1[(high >>> 16) & 255]! ^
      after0[high >>> 24]!
  }
  return ~byteByByte(crc, bytes, untilAligned + wordCount * 4, length) >>> 0
}

function byteByByte(before: number, bytes: Uint8Array, from: number, to: number): number {
  let crc = before
  for (let index = from; index < to; index++) crc = withZeroByte(crc ^ bytes[index]!)
  return crc
}

function withZeroByte(crc: number): number {
  return (crc >>> 8) ^ after0[crc & 255]!
}

function eightBits(byte: number): number {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
  return crc
}
