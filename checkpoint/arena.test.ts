import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Arena } from './arena.ts'
import { CheckpointError } from './errors.ts'

const seed = [1, 2] as const

/** Takes a slot and writes into all of it. */
function take(arena: Arena, bytes: number, mark: number): number {
  const address = arena.allocate(bytes)
  const offset = arena.offsetOf(address)
  const slot = arena.segmentOf(address).subarray(offset, offset + bytes)
  assert.equal(slot.length, bytes, 'the slot lies within its segment')
  assert.equal(offset % 8, 0)
  slot.fill(mark, 8)
  slot.writeUInt32LE(0, 0)
  slot.writeUInt32LE(bytes - 8, 4)
  return address
}

function mustBeUnharmed(arena: Arena, address: number, bytes: number, mark: number): void {
  const offset = arena.offsetOf(address)
  const segment = arena.segmentOf(address)
  assert.equal(segment.readUInt32LE(offset), 0)
  assert.equal(segment.readUInt32LE(offset + 4), bytes - 8)
  const wrong = segment.subarray(offset + 8, offset + bytes).findIndex((byte) => byte !== mark)
  assert.equal(wrong, -1)
}

const anyBytes = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 8, max: 400 }) },
  { weight: 2, arbitrary: fc.integer({ min: 400, max: 20_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 1_100_000 }) },
)

test('slots in use never overlap, whatever is taken and given back', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          anyBytes,
          fc.nat(300).map((nth) => -nth),
        ),
        { maxLength: 300, size: 'max' },
      ),
      (steps) => {
        const arena = new Arena({ seed })
        const held: { address: number; bytes: number; mark: number }[] = []
        for (const [number, step] of steps.entries()) {
          if (step > 0) held.push({ address: take(arena, step, number & 255), bytes: step, mark: number & 255 })
          else if (held.length > 0) {
            const [given] = held.splice(-step % held.length, 1)
            mustBeUnharmed(arena, given!.address, given!.bytes, given!.mark)
            arena.free(given!.address)
          }
        }
        for (const { address, bytes, mark } of held) mustBeUnharmed(arena, address, bytes, mark)
        const bytes = held.reduce((sum, slot) => sum + slot.bytes, 0)
        assert.ok(arena.bytesUsed >= bytes)
        assert.ok(arena.bytesUsed <= bytes * 1.125 + held.length * 8, 'a slot is at most an eighth too large')
        for (const { address } of held) arena.free(address)
        assert.equal(arena.bytesUsed, 0)
      },
    ),
    { numRuns: 30 },
  )
})

test('every size has a slot of its class: none too small, none more than an eighth too large', () => {
  const arena = new Arena({ seed })
  for (let bytes = 8; bytes < 3_000_000; bytes += 1 + (bytes >> 7)) {
    const before = arena.bytesUsed
    const address = take(arena, bytes, 1)
    const slot = arena.bytesUsed - before
    assert.ok(slot >= bytes && slot <= bytes * 1.125 + 8, `${bytes}: ${slot}`)
    arena.free(address)
    assert.equal(arena.bytesUsed, before)
    assert.equal(arena.allocate(bytes), address, 'what was given back is used again')
    arena.segmentOf(address).writeUInt32LE(bytes - 8, arena.offsetOf(address) + 4)
    arena.free(address)
  }
})

test('churn reserves hardly more than what was held at once', () => {
  const arena = new Arena({ seed })
  const held: number[] = []
  for (let number = 0; number < 20_000; number++) held.push(take(arena, 100 + (number % 5) * 40, 0))
  const { bytesReserved } = arena
  for (let round = 0; round < 3; round++) {
    for (const address of held) arena.free(address)
    held.length = 0
    for (let number = 0; number < 20_000; number++) held.push(take(arena, 100 + (number % 5) * 40, 0))
  }
  for (let number = 0; number < 200_000; number++) {
    const place = (number * 7_919) % held.length
    arena.free(held[place]!)
    held[place] = take(arena, 100 + (place % 5) * 40, 0)
  }
  assert.ok(arena.bytesReserved <= bytesReserved * 1.1, `${arena.bytesReserved} after ${bytesReserved}`)
})

test('an empty arena reserves nothing, a small one little, and a large one hardly more than it uses', () => {
  const arena = new Arena({ seed })
  assert.deepEqual([arena.bytesReserved, arena.bytesUsed], [0, 0])
  const first = take(arena, 100, 0)
  assert.ok(first > 0, '0 is no address')
  assert.equal(arena.bytesReserved, 64 * 1024)
  for (let number = 0; number < 300_000; number++) take(arena, 120, 0)
  assert.ok(arena.bytesReserved - arena.bytesUsed <= 8 * 1024 * 1024 + 64 * 1024)
})

test('memory of one size serves another: values that grow step by step leave nothing reserved behind', () => {
  const arena = new Arena({ seed })
  const held: { address: number; bytes: number }[] = []
  for (let number = 0; number < 20_000; number++) held.push({ address: take(arena, 100, 0), bytes: 100 })
  for (let bytes = 120; bytes <= 1_000; bytes += 20) {
    for (let turn = 0; turn < held.length; turn++) {
      const place = (turn * 7_919) % held.length
      const address = take(arena, bytes, 0)
      arena.free(held[place]!.address)
      held[place] = { address, bytes }
    }
    assert.ok(arena.bytesReserved <= arena.bytesUsed * 1.2 + 16 * 2 ** 20, `${arena.bytesReserved}, ${arena.bytesUsed}`)
  }
  for (const { address } of held) arena.free(address)
  assert.equal(arena.bytesUsed, 0)
  assert.ok(arena.bytesReserved <= 16 * 2 ** 20, `${arena.bytesReserved}`)
})

test('large entries come and go without leaving memory reserved', () => {
  const arena = new Arena({ seed })
  for (let round = 0; round < 200; round++) {
    const held = [9, 20, 70, 200, 1_000].map((kibibytes) => arena.allocate((kibibytes + round) * 1024))
    for (const address of held) {
      arena.segmentOf(address).writeUInt32LE(0, arena.offsetOf(address) + 4)
      arena.free(address)
    }
  }
  assert.equal(arena.bytesUsed, 0)
  assert.ok(arena.bytesReserved <= 16 * 2 ** 20, `${arena.bytesReserved}`)
})

test('memory goes back only after much was given back, and some is kept for later', () => {
  const arena = new Arena({ seed })
  for (let number = 0; number < 200_000; number++) take(arena, 120, 0)
  const { bytesReserved } = arena
  for (let round = 0; round < 4; round++) {
    const held: number[] = []
    for (let number = 0; number < 200_000; number++) held.push(take(arena, 120, 0))
    for (const address of held) arena.free(address)
    assert.ok(arena.bytesReserved < bytesReserved + 16 * 2 ** 20, 'not all is kept')
    assert.ok(arena.bytesReserved >= arena.bytesUsed + 8 * 2 ** 20, 'some is kept')
  }
})

test('every slot that was given back is used before memory is taken, in whatever order spans got room', () => {
  const arena = new Arena({ seed })
  const held: number[] = []
  for (let number = 0; number < 6_400; number++) held.push(take(arena, 1_000, 0))
  const { bytesReserved } = arena
  for (let round = 1; round <= 40; round++) {
    const given = held.filter((_, place) => ((place >> 6) * round) % 5 === 0 || place % (63 + round) === 0)
    const kept = held.filter((address) => !given.includes(address))
    for (const [turn] of given.entries()) arena.free(given[(turn * 6_367) % given.length]!)
    held.splice(0, held.length, ...kept)
    for (const _ of given) held.push(take(arena, 1_000, 0))
    held.sort((left, right) => left - right)
    assert.equal(arena.bytesReserved, bytesReserved)
  }
  assert.equal(new Set(held).size, 6_400)
})

test('a free run of pages is found, also after one that is too long was looked for', () => {
  const arena = new Arena({ seed, bytesMax: 512 * 1024 })
  arena.free(take(arena, 512 * 1024, 0))
  const first = take(arena, 192 * 1024, 0)
  take(arena, 160 * 1024, 0)
  const last = take(arena, 160 * 1024, 0)
  arena.free(first)
  arena.free(last)
  assert.throws(() => arena.allocate(200 * 1024), CheckpointError)
  assert.equal(arena.allocate(192 * 1024), first)
})

test('entries of every size waste little', () => {
  for (const kibibytes of [1, 7, 9, 20, 36, 40, 60, 64, 66, 100, 300]) {
    const one = new Arena({ seed })
    one.allocate(kibibytes * 1024)
    assert.ok(one.bytesReserved <= kibibytes * 1024 * (kibibytes > 64 ? 1.125 : 9) + 64 * 1024, `one of ${kibibytes}`)
    const many = new Arena({ seed })
    for (let number = 0; number < 500; number++) many.allocate(kibibytes * 1024)
    assert.ok(many.bytesReserved <= 500 * kibibytes * 1024 * 1.2 + 8 * 2 ** 20, `500 of ${kibibytes}`)
  }
})

test('a slot larger than a segment has its own', () => {
  const arena = new Arena({ seed })
  const address = take(arena, 20_000_000, 7)
  const small = take(arena, 100, 8)
  mustBeUnharmed(arena, address, 20_000_000, 7)
  arena.free(address)
  assert.equal(take(arena, 20_000_000, 7), address)
  mustBeUnharmed(arena, small, 100, 8)
  arena.free(address)
  const slots = Array.from({ length: 250 }, (_, mark) => take(arena, 100_000, mark))
  for (const [mark, slot] of slots.entries()) mustBeUnharmed(arena, slot, 100_000, mark)
})

test('a slot is given back once', () => {
  const arena = new Arena({ seed })
  const address = take(arena, 100, 0)
  arena.free(address)
  assert.throws(() => arena.free(address), /assertion: the slot at \d+ was freed twice/)
  const large = take(arena, 100_000, 0)
  arena.free(large)
  assert.throws(() => arena.free(large), /assertion: the slot at \d+ was freed twice/)
})

test('above its limit an arena refuses, and says what would help', () => {
  const arena = new Arena({ seed, bytesMax: 200_000 })
  const full = (error: unknown) =>
    error instanceof CheckpointError && error.code === 'STATE_FULL' && /allowed; delete keys/.test(error.message)
  assert.throws(() => arena.allocate(1_000_000), full)
  const held: number[] = []
  assert.throws(() => {
    for (;;) held.push(take(arena, 1_000, 0))
  }, full)
  assert.equal(held.length, 3 * 64, 'three spans fit')
  assert.ok(arena.bytesReserved <= 200_000)
  arena.free(held[0]!)
  assert.equal(arena.allocate(1_000), held[0])
})

test('addresses beyond 2^31 are numbers like all others', (t) => {
  const arena = new Arena({ seed })
  let address = 0
  // Segments of one slot each that nobody writes to: the system gives no pages for them.
  try {
    for (let number = 0; number < 2_100; number++) address = arena.allocate(2 ** 23)
  } catch (error) {
    if (error instanceof RangeError) return t.skip('this system promises no 16 GiB of memory')
    throw error
  }
  assert.ok(address > 2 ** 31)
  arena.free(address)
  const slots = [take(arena, 100, 1), take(arena, 100, 2), take(arena, 100, 3)]
  assert.equal(slots[0], address)
  arena.free(slots[0]!)
  arena.free(slots[1]!)
  assert.deepEqual([arena.allocate(100), arena.allocate(100)], [slots[1], slots[0]])
  mustBeUnharmed(arena, slots[2]!, 100, 3)
})
