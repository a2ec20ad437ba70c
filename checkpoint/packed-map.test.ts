import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Arena, deletedValue } from './arena.ts'
import { CheckpointError } from './errors.ts'
import { PackedMap } from './packed-map.ts'

const seed = [0x12345678, 0x9abcdef0] as const

function setUp(hashMask?: number): { arena: Arena; map: PackedMap } {
  const arena = new Arena({ seed })
  return { arena, map: new PackedMap(arena, hashMask) }
}

function get(map: PackedMap, key: string): string | undefined {
  const address = map.find(key)
  return address === 0 ? undefined : map.textAt(address)
}

function contents(map: PackedMap): Map<string, string> {
  const found: [string, string][] = []
  for (let partition = 0; partition < map.partitions; partition++)
    map.forEachIn(partition, (address) => found.push([map.keyAt(address), map.textAt(address)]))
  assert.equal(new Map(found).size, found.length, 'no key is met twice')
  return new Map(found)
}

function mustEqual(map: PackedMap, model: ReadonlyMap<string, string>): void {
  assert.equal(map.size, model.size)
  assert.deepEqual([...contents(map)].sort(), [...model].sort())
  for (const [key, text] of model) assert.equal(get(map, key), text)
}

/** An entry as another process wrote it, behind `skip` bytes that are not its. */
function entryOf(key: string, text: string | null, skip: number): Buffer {
  const entry = Buffer.alloc(skip + 8 + Buffer.byteLength(key) + Buffer.byteLength(text ?? ''), 0xee)
  entry.writeUInt32LE(Buffer.byteLength(key), skip)
  entry.writeUInt32LE(text === null ? deletedValue : Buffer.byteLength(text), skip + 4)
  entry.write(key + (text ?? ''), skip + 8)
  return entry
}

const anyKey = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 40 }).map((number) => `key:${number}`) },
  fc.string({ maxLength: 9 }),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.constantFrom('', '\u0000', 'é', 'e\u0301', '𝄞', 'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(65), 'ü'.repeat(400)),
)
const anyText = fc.oneof(
  fc.json({ maxDepth: 1, stringUnit: 'grapheme' }),
  fc.integer({ min: 0, max: 3000 }).map((length) => JSON.stringify('y'.repeat(length))),
)
const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('put', 'putEntry'), key: anyKey, text: anyText, skip: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('remove', 'removeEntry'), key: anyKey, skip: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('settle', 'takeBack'), count: fc.nat(8) }) },
)
/** All bits; a partition and home for few; one home for all; one hash for all. */
const anyMask = fc.constantFrom(0xffffffff, 0x80300003, 0xffc00000, 0)

/** Changes that may be taken back, in their order, beside a plain map. */
class Speculation {
  readonly map: PackedMap
  readonly model = new Map<string, string>()
  readonly #log: { key: string; displaced: number; before: string | undefined }[] = []

  constructor(map: PackedMap) {
    this.map = map
  }

  put(key: string, text: string, displaced: number): void {
    this.#changed(key, displaced)
    this.model.set(key, text)
  }

  remove(key: string, displaced: number): void {
    assert.equal(displaced !== 0, this.model.has(key))
    if (displaced === 0) return
    this.#changed(key, displaced)
    this.model.delete(key)
  }

  /** The oldest changes are final: what they displaced goes. */
  settle(count: number): void {
    for (const { displaced } of this.#log.splice(0, count)) if (displaced !== 0) this.map.release(displaced)
  }

  takeBack(): void {
    for (const { key, displaced, before } of this.#log.splice(0).reverse()) {
      const taken = this.map.relink(key, displaced)
      if (taken !== 0) this.map.release(taken)
      if (before === undefined) this.model.delete(key)
      else this.model.set(key, before)
    }
  }

  /** What was displaced and may still be linked again is unharmed. */
  mustBeReadable(): void {
    for (const { key, displaced, before } of this.#log) {
      if (displaced === 0) continue
      assert.equal(this.map.keyAt(displaced), key)
      assert.equal(this.map.textAt(displaced), before)
    }
  }

  #changed(key: string, displaced: number): void {
    const before = this.model.get(key)
    assert.equal(displaced !== 0, before !== undefined, `only a key that was there displaces an entry: ${key}`)
    this.#log.push({ key, displaced, before })
  }
}

test('a packed map does what a plain one does, also when changes are taken back, whatever the hashes', () => {
  fc.assert(
    fc.property(anyMask, fc.array(anyStep, { maxLength: 200, size: 'max' }), (hashMask, steps) => {
      const { arena, map } = setUp(hashMask)
      const speculation = new Speculation(map)
      for (const step of steps) {
        if ('text' in step && step.kind === 'put') speculation.put(step.key, step.text, map.put(step.key, step.text))
        else if ('text' in step)
          speculation.put(step.key, step.text, map.putEntry(entryOf(step.key, step.text, step.skip), step.skip))
        else if ('key' in step && step.kind === 'remove') speculation.remove(step.key, map.remove(step.key))
        else if ('key' in step)
          speculation.remove(step.key, map.removeEntry(entryOf(step.key, null, step.skip), step.skip))
        else if (step.kind === 'settle') speculation.settle(step.count)
        else speculation.takeBack()
        if ('text' in step) assert.equal(map.written, map.find(step.key))
        if ('key' in step) assert.equal(get(map, step.key), speculation.model.get(step.key))
      }
      speculation.mustBeReadable()
      mustEqual(map, speculation.model)
      speculation.settle(Number.POSITIVE_INFINITY)
      for (const key of speculation.model.keys()) map.release(map.remove(key))
      assert.equal(map.size, 0)
      assert.equal(arena.bytesUsed, 0, 'every slot came back')
    }),
    { numRuns: 150 },
  )
})

test('thousands of keys that collide are found, removed and found no more', () => {
  for (const hashMask of [0xffffffff, 0xffc0000f, 0x00c00fff, 0x003fc000]) {
    const { map } = setUp(hashMask)
    const model = new Map<string, string>()
    for (let number = 0; number < 5_000; number++) {
      map.put(`key:${number}`, `${number}`)
      model.set(`key:${number}`, `${number}`)
    }
    for (let number = 0; number < 5_000; number++) {
      if (number % 3 === 0) continue
      map.release(map.remove(`key:${number}`))
      model.delete(`key:${number}`)
    }
    mustEqual(map, model)
    assert.equal(map.find('key:1'), 0)
  }
})

test('an entry is copied out as the bytes of the one format, and read in again', () => {
  fc.assert(
    fc.property(anyKey, anyText, fc.nat(9), (key, text, skip) => {
      const { map } = setUp()
      map.put(key, text)
      const address = map.find(key)
      const target = Buffer.alloc(skip + map.entryBytes(address), 0xee)
      assert.equal(map.copyEntry(address, target, skip), map.entryBytes(address))
      assert.deepEqual(target, entryOf(key, text, skip))
      const other = setUp().map
      assert.equal(other.putEntry(new Uint8Array(target), skip), 0)
      assert.equal(get(other, key), text)
    }),
  )
})

test('what a change displaces stays readable until it is released', () => {
  const { map } = setUp()
  map.put('a', '1')
  const first = map.put('a', '2')
  const second = map.remove('a')
  map.put('b', '3')
  assert.deepEqual([map.textAt(first), map.textAt(second), map.keyAt(first)], ['1', '2', 'a'])
  assert.equal(map.relink('a', second), 0)
  assert.equal(map.relink('a', second), 0, 'linking what is linked displaces nothing')
  assert.equal(map.textAt(map.relink('a', first)), '2')
  assert.equal(get(map, 'a'), '1')
})

test('an entry of another key is never linked', () => {
  const { map } = setUp()
  map.put('a', '1')
  const address = map.find('a')
  assert.throws(() => map.relink('b', address), /assertion/)
})

test('a copy by partitions, with changes between them, meets every key that was never changed exactly once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_200 }),
      fc.integer({ min: 0, max: 2_000 }),
      fc.integer({ min: 1, max: 700 }),
      (stable, changing, seedOfChanges) => {
        const { map } = setUp()
        for (let number = 0; number < stable; number++) map.put(`stable:${number}`, `${number}`)
        const met = new Map<string, number>()
        for (let partition = 0; partition < map.partitions; partition++) {
          map.forEachIn(partition, (address) => met.set(map.keyAt(address), (met.get(map.keyAt(address)) ?? 0) + 1))
          if (partition % 4 > 0) continue
          for (let turn = 0; turn < 8; turn++) {
            const key = `changing:${(partition * seedOfChanges + turn * 31) % (changing + 1)}`
            const displaced = turn % 3 === 2 ? map.remove(key) : map.put(key, 'true')
            if (displaced !== 0) map.release(displaced)
          }
        }
        for (let number = 0; number < stable; number++) assert.equal(met.get(`stable:${number}`), 1)
      },
    ),
    { numRuns: 40 },
  )
})

test('a key stays in its partition, and each partition of many keys has its share', () => {
  const { map } = setUp()
  const partitionsOf = (): Map<string, number> => {
    const found = new Map<string, number>()
    for (let partition = 0; partition < map.partitions; partition++)
      map.forEachIn(partition, (address) => found.set(map.keyAt(address), partition))
    return found
  }
  for (let number = 0; number < 400; number++) map.put(`key:${number}`, '1')
  const few = partitionsOf()
  assert.equal(few.size, 400)
  for (let number = 400; number < 40_000; number++) map.put(`key:${number}`, '1')
  const many = partitionsOf()
  for (const [key, partition] of few) assert.equal(many.get(key), partition)
  const shares = new Array<number>(map.partitions).fill(0)
  for (const partition of many.values()) shares[partition]!++
  assert.ok(Math.max(...shares) < 80, `about 39 are expected: ${Math.max(...shares)}`)
  assert.ok(Math.min(...shares) > 10, `about 39 are expected: ${Math.min(...shares)}`)
})

test('keys are hashed with the seed', () => {
  const order = (seed: readonly [number, number]): string[] => {
    const map = new PackedMap(new Arena({ seed }))
    for (let number = 0; number < 50; number++) map.put(`key:${number}`, '1')
    return [...contents(map).keys()]
  }
  assert.notDeepEqual(order([1, 2]), order([1, 3]))
  assert.notDeepEqual(order([1, 2]), order([2, 2]))
  assert.deepEqual(order([1, 2]), order([1, 2]))
})

test('half a surrogate pair is refused: two keys would be one', () => {
  const { arena, map } = setUp()
  const refused = (error: unknown) => error instanceof CheckpointError && error.code === 'NOT_SERIALISABLE'
  for (const key of ['\ud800', 'a\udc00b', `${'x'.repeat(100)}\ud83d`]) {
    assert.throws(() => map.put(key, '1'), refused)
    assert.equal(map.find(key), 0)
    assert.equal(map.remove(key), 0)
  }
  map.put('\ufffd', '1')
  assert.equal(map.find('\ud800'), 0)
  assert.equal(map.size, 1)
  assert.ok(arena.bytesUsed < 100)
})

test('a key is refused above 16 MiB, and found below', () => {
  const { map } = setUp()
  const tooLarge = (error: unknown) => error instanceof CheckpointError && error.code === 'TOO_LARGE'
  for (const key of ['x'.repeat(2 ** 24 + 1), '€'.repeat(2 ** 23)]) {
    assert.throws(() => map.put(key, '1'), tooLarge)
    assert.equal(map.find(key), 0)
  }
  const large = 'é'.repeat(2 ** 20)
  map.put(large, JSON.stringify('z'.repeat(2 ** 20)))
  map.put(`${large}a`, '1')
  assert.equal(get(map, large)?.length, 2 ** 20 + 2)
  assert.equal(get(map, `${large}a`), '1')
  assert.equal(map.find(`${large}b`), 0)
})

test('a full state refuses a change and is unharmed', () => {
  const map = new PackedMap(new Arena({ seed, bytesMax: 1024 * 1024 }))
  const full = (error: unknown) => error instanceof CheckpointError && error.code === 'STATE_FULL'
  const text = JSON.stringify('z'.repeat(1_000))
  assert.throws(() => {
    for (let number = 0; ; number++) map.put(`key:${number}`, text)
  }, full)
  const kept = map.size
  assert.ok(kept > 800, `most of it holds keys: ${kept}`)
  assert.equal(map.find(`key:${kept}`), 0)
  assert.equal(contents(map).size, kept)
  map.release(map.remove('key:0'))
  assert.equal(map.put('new', text), 0)
  assert.equal(get(map, 'new'), text)
})
