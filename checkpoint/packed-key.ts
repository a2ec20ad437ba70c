/** 64 secret bits, as two numbers of 32 bits. */
export type Seed = readonly [number, number]

/** Longer keys are in no map: a journal record could not carry one. */
export const keyBytesMax = 16 * 1024 * 1024

/** Up to here a loop over the characters is faster than a native call. */
const shortKeyLength = 64

/**
 * The bytes of the key in hand and their hash, in memory that is used again and again: looking for a key allocates nothing.
 * The bytes stand in 32-bit words, little-endian in value, the last one padded with zeros.
 */
export class PackedKey {
  words = new Int32Array(64)
  bytes = 0
  /** Signed, 32 bits: HalfSipHash-1-3 (Aumasson and Bernstein 2012; the reference code's 32-bit variant), keyed by the seed. */
  hash = 0
  readonly #seed: Seed
  #utf8 = Buffer.alloc(0)

  constructor(seed: Seed) {
    this.#seed = seed
  }

  /**
   * Takes a key from its text. False, and no key in hand, if no map can hold it: it is too long, is no Unicode (a lone surrogate), or no
   * text at all, as what a client sent may be.
   */
  take(key: string): boolean {
    if (typeof key !== 'string') return false
    if (!this.#takeAscii(key)) {
      if (key.length > keyBytesMax || !key.isWellFormed()) return false
      if (this.#utf8.length < key.length * 3) this.#utf8 = Buffer.allocUnsafeSlow(key.length * 3)
      const bytes = this.#utf8.write(key)
      if (bytes > keyBytesMax) return false
      this.takeBytes(this.#utf8, 0, bytes)
    }
    return true
  }

  /** Takes a key from its UTF-8 bytes. */
  takeBytes(source: Uint8Array, offset: number, bytes: number): void {
    this.#reserve(bytes)
    const words = this.words
    const whole = bytes >>> 2
    let at = offset
    for (let index = 0; index < whole; index++, at += 4) {
      words[index] = source[at]! | (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24)
    }
    const rest = bytes & 3
    if (rest > 0) {
      const second = rest > 1 ? source[at + 1]! << 8 : 0
      const third = rest > 2 ? source[at + 2]! << 16 : 0
      words[whole] = source[at]! | second | third
    }
    this.#taken(bytes)
  }

  /** True if the same key stands at `offset`, with room behind it up to the next multiple of 4. */
  isAt(view: DataView, offset: number): boolean {
    const words = this.words
    const whole = this.bytes >>> 2
    for (let index = 0; index < whole; index++) {
      if (view.getInt32(offset + index * 4, true) !== words[index]) return false
    }
    const rest = this.bytes & 3
    if (rest === 0) return true
    return (view.getInt32(offset + whole * 4, true) & ((1 << (rest * 8)) - 1)) === words[whole]
  }

  /** Writes the key; up to 3 bytes behind it become 0. */
  writeAt(view: DataView, offset: number): void {
    const words = this.words
    const count = (this.bytes + 3) >>> 2
    for (let index = 0; index < count; index++) view.setInt32(offset + index * 4, words[index]!, true)
  }

  #takeAscii(key: string): boolean {
    const length = key.length
    if (length > shortKeyLength) return false
    const words = this.words
    const whole = length >>> 2
    let any = 0
    let at = 0
    for (let index = 0; index < whole; index++, at += 4) {
      const first = key.charCodeAt(at)
      const second = key.charCodeAt(at + 1)
      const third = key.charCodeAt(at + 2)
      const fourth = key.charCodeAt(at + 3)
      any |= first | second | third | fourth
      words[index] = first | (second << 8) | (third << 16) | (fourth << 24)
    }
    if (at < length) {
      let word = 0
      for (let shift = 0; at < length; at++, shift += 8) {
        const code = key.charCodeAt(at)
        any |= code
        word |= code << shift
      }
      words[whole] = word
    }
    if (any > 127) return false
    this.#taken(length)
    return true
  }

  #reserve(bytes: number): void {
    if (this.words.length * 4 < bytes) this.words = new Int32Array(Math.max(this.words.length * 2, (bytes + 3) >>> 2))
  }

  #taken(bytes: number): void {
    this.bytes = bytes
    this.hash = halfSipHash(this.words, bytes, this.#seed[0] | 0, this.#seed[1] | 0)
  }
}

function halfSipHash(words: Int32Array, bytes: number, low: number, high: number): number {
  let v0 = low
  let v1 = high
  let v2 = 0x6c796765 ^ low
  let v3 = 0x74656462 ^ high
  const whole = bytes >>> 2
  const last = (bytes << 24) | ((bytes & 3) === 0 ? 0 : words[whole]!)
  // The words, the last one with the length, and three rounds to finish: one loop, so that the round stands here once.
  for (let index = 0; index < whole + 4; index++) {
    const word = index < whole ? words[index]! : index === whole ? last : 0
    if (index === whole + 1) v2 ^= 0xff
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return v1 ^ v3
}
