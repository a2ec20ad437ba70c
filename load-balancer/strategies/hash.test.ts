import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashText, mixBits } from './hash.ts'

/** Pearson's chi-square of counts that should be equal. */
function chiSquare(counts: Uint32Array): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0)
}

describe('the hash', () => {
  const families: [string, (index: number) => string][] = [
    ['user-N', (index) => `user-${index}`],
    ['numbers', String],
    ['addresses', (index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`],
    ['session ids', (index) => `${mixBits(index).toString(16)}-${mixBits(index + 1e6).toString(16)}`],
    ['one long prefix', (index) => `${'x'.repeat(200)}${index}`],
    ['letters of many scripts', (index) => String.fromCodePoint(0x4e00 + (index % 20_000), 0x400 + (index >> 8))],
  ]
  for (const [family, keyAt] of families) {
    it(`spreads ${family} evenly, by its high bits and by its low ones`, () => {
      const high = new Uint32Array(1_024)
      const low = new Uint32Array(1_024)
      for (let index = 0; index < 100_000; index++) {
        const hash = hashText(keyAt(index))
        high[hash >>> 22]! += 1
        low[hash & 1_023]! += 1
      }
      // 1,023 degrees of freedom: mean 1,023, standard deviation 45; five of these either way.
      for (const value of [chiSquare(high), chiSquare(low)]) assert.ok(Math.abs(value - 1_023) < 226, `${value}`)
    })
  }

  it('stays as it is: another one would move every key when balancers are upgraded', () => {
    assert.deepEqual(
      ['', 'a', 'user-1', '192.0.2.7', 'äöü'].map((text) => hashText(text)),
      [2_872_998_923, 444_641_715, 2_005_895_916, 2_792_370_494, 2_008_921_646],
    )
    assert.notEqual(hashText('a', 1), hashText('a'))
  })

  it('flips half of the bits for each bit that is flipped', () => {
    for (let bit = 0; bit < 32; bit++) {
      let flipped = 0
      for (let sample = 0; sample < 1_000; sample++) {
        let changed = mixBits(sample * 2_654_435) ^ mixBits((sample * 2_654_435) ^ (1 << bit))
        for (; changed !== 0; changed &= changed - 1) flipped++
      }
      assert.ok(Math.abs(flipped / 1_000 - 16) < 1, `bit ${bit}: ${flipped / 1_000}`)
    }
  })
})
