import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PackedIndex } from './packed-index.ts'

function addressesOf(index: PackedIndex, hash: number): number[] {
  const found: number[] = []
  for (let cell = index.home(hash); index.cells[cell * 2 + 1] !== 0; cell = (cell + 1) & index.mask)
    if (index.cells[cell * 2] === hash) found.push(index.cells[cell * 2 + 1]! >>> 0)
  return found.sort((left, right) => left - right)
}

function cellOf(index: PackedIndex, address: number): number {
  for (let cell = 0; cell <= index.mask; cell++) if (index.cells[cell * 2 + 1] === (address | 0)) return cell
  throw new Error(`${address} is not there`)
}

test('every pair is met from its home on, whatever was put in and taken out; no cell is lost', () => {
  const hashes = fc.array(
    fc.tuple(fc.constantFrom(0, 1, -1, 0x3fffff, 0x200000, 0x7fffffff, -0x400000), fc.boolean()),
    {
      maxLength: 100,
      size: 'max',
    },
  )
  fc.assert(
    fc.property(fc.constantFrom(0, 10), hashes, (skipBits, steps) => {
      const index = new PackedIndex(skipBits)
      const model: { hash: number; address: number }[] = []
      for (const [number, [hash, removes]] of steps.entries()) {
        if (removes && model.length > 0) {
          const [removed] = model.splice((hash >>> 3) % model.length, 1)
          index.removeAt(cellOf(index, removed!.address))
        } else {
          const address = number % 2 === 0 ? number + 1 : 2 ** 32 - number
          index.insert(hash, address)
          model.push({ hash, address })
        }
      }
      assert.equal(index.size, model.length)
      const filled = [...index.cells].filter((cell, at) => at % 2 === 1 && cell !== 0).length
      assert.equal(filled, model.length)
      for (const { hash } of model) {
        const expected = model.filter((pair) => pair.hash === hash).map(({ address }) => address)
        assert.deepEqual(
          addressesOf(index, hash),
          expected.sort((left, right) => left - right),
        )
      }
    }),
  )
})

test('an index is at most three quarters full, and pairs stand near their homes', () => {
  for (const skipBits of [0, 10]) {
    const index = new PackedIndex(skipBits)
    let displacements = 0
    for (let number = 1; number <= 12_000; number++) {
      index.insert(Math.imul(number, 0x9e3779b1), number)
      assert.ok(index.size * 4 <= (index.mask + 1) * 3)
    }
    for (let cell = 0; cell <= index.mask; cell++)
      if (index.cells[cell * 2 + 1] !== 0) displacements += (cell - index.home(index.cells[cell * 2]!)) & index.mask
    assert.equal(index.mask + 1, 16_384)
    assert.ok(displacements / index.size < 3, `${displacements / index.size}`)
  }
})
