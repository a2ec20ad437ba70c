/** What every snapshot store must do, as tests. Each adapter's test file calls this with a way to open stores over one place. */
import assert from 'node:assert/strict'
import { type TestContext, type TestOptions, test } from 'node:test'
import { CheckpointError } from './errors.ts'
import { type ChunkPlace, chunkBytesMax, type SnapshotStore } from './snapshot-store.ts'

/** Opens stores over one fresh place, as several processes would. */
export type OpenStores = (t: TestContext) => Promise<() => Promise<SnapshotStore>>

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array) => new TextDecoder().decode(value)

async function write(store: SnapshotStore, chunks: Record<string, Uint8Array>): Promise<ChunkPlace[]> {
  const places: ChunkPlace[] = []
  for (const [key, value] of Object.entries(chunks)) places.push({ key, location: await store.writeChunk(key, value) })
  return places
}

async function read(store: SnapshotStore, places: readonly ChunkPlace[]): Promise<[number, string][]> {
  const found: [number, string][] = []
  await store.readChunks(places, (index, value) => void found.push([index, text(value)]))
  return found
}

async function shown(store: SnapshotStore): Promise<[string, string][]> {
  return [...(await store.manifests())].map(([name, value]): [string, string] => [name, text(value)]).sort()
}

const isStopped = (error: unknown) => error instanceof CheckpointError && error.code === 'STOPPED'

/** Registers the suite; `options` go to each test. */
export function snapshotStoreConformance(name: string, openStores: OpenStores, options: TestOptions = {}): void {
  test(`${name}: a store that was never written to has no manifest, and nothing to read`, options, async (t) => {
    const store = await (await openStores(t))()
    assert.deepEqual(await shown(store), [])
    assert.deepEqual(await read(store, []), [])
  })

  test(`${name}: manifests are seen by every store once written, the last value of each`, options, async (t) => {
    const open = await openStores(t)
    const [writer, reader] = [await open(), await open()]
    await writer.writeManifest('one', bytes('1'))
    assert.deepEqual(await shown(reader), [['one', '1']])
    await writer.writeManifest('two', bytes('2'))
    await writer.writeManifest('one', bytes('1 again'))
    const both = [
      ['one', '1 again'],
      ['two', '2'],
    ]
    assert.deepEqual(await shown(reader), both)
    assert.deepEqual(await shown(writer), both)
    assert.deepEqual(await shown(await open()), both, 'also by one that came later')
  })

  test(
    `${name}: a manifest that was removed is gone for every store; removing it again is nothing`,
    options,
    async (t) => {
      const open = await openStores(t)
      const [writer, reader] = [await open(), await open()]
      for (const generation of ['one', 'two']) await writer.writeManifest(generation, bytes(generation))
      assert.equal((await shown(reader)).length, 2)
      await reader.removeManifest('one')
      await reader.removeManifest('one')
      assert.deepEqual(await shown(writer), [['two', 'two']])
      assert.deepEqual(await shown(await open()), [['two', 'two']])
    },
  )

  test(
    `${name}: chunks come back in order, only those asked for, also among another generation's`,
    options,
    async (t) => {
      const open = await openStores(t)
      const [left, right] = [await open(), await open()]
      const places: ChunkPlace[][] = [[], []]
      for (let turn = 0; turn < 5; turn++) {
        places[0]!.push(...(await write(left, { [`left/${turn}`]: bytes(`l${turn}`) })))
        places[1]!.push(...(await write(right, { [`right/${turn}`]: bytes(`r${turn}`) })))
      }
      const reader = await open()
      for (const [side, letter] of ['l', 'r'].entries()) {
        assert.deepEqual(
          await read(reader, places[side]!),
          [0, 1, 2, 3, 4].map((turn) => [turn, `${letter}${turn}`]),
        )
      }
      assert.deepEqual(await read(reader, [places[0]![3]!]), [[0, 'l3']])
    },
  )

  test(`${name}: chunks under way at the same time are all written, each where it says`, options, async (t) => {
    const store = await (await openStores(t))()
    const keys = Array.from({ length: 9 }, (_, index) => `g/${index}`)
    const places: ChunkPlace[] = []
    for (let from = 0; from < keys.length; from += 3) {
      const three = keys.slice(from, from + 3)
      places.push(
        ...(await Promise.all(three.map(async (key) => ({ key, location: await store.writeChunk(key, bytes(key)) })))),
      )
    }
    const found = await read(store, places)
    assert.deepEqual(
      found.sort(([left], [right]) => left - right),
      keys.map((key, index) => [index, key]),
    )
  })

  test(
    `${name}: chunks of every byte, of one byte and of the largest size come back as they were`,
    options,
    async (t) => {
      const store = await (await openStores(t))()
      const values = [
        Uint8Array.from({ length: 256 }, (_, index) => index),
        Uint8Array.of(0),
        new Uint8Array(chunkBytesMax).fill(7),
      ]
      const places = await write(store, { a: values[0]!, b: values[1]!, c: values[2]! })
      let delivered = 0
      await store.readChunks(places, (index, value) => {
        assert.equal(Buffer.compare(value, values[index]!), 0)
        delivered++
      })
      assert.equal(delivered, 3)
    },
  )

  test(`${name}: a chunk that is not there, or not where it should be, is left out`, options, async (t) => {
    const store = await (await openStores(t))()
    const [a, b, c] = (await write(store, { a: bytes('A'), b: bytes('B'), c: bytes('C') })) as [
      ChunkPlace,
      ChunkPlace,
      ChunkPlace,
    ]
    await store.removeChunks(['b', 'never written'])
    assert.deepEqual(await read(store, [a, { key: 'unknown', location: b.location }, c]), [
      [0, 'A'],
      [2, 'C'],
    ])
    const beyond = { key: 'beyond', location: c.location + 1_000 }
    assert.deepEqual(await read(store, [c, beyond]), [[0, 'C']])
  })

  test(`${name}: the next chunk waits until the one before is done with`, options, async (t) => {
    const store = await (await openStores(t))()
    const places = await write(
      store,
      Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`k${index}`, bytes(`${index}`)])),
    )
    let busy = 0
    let most = 0
    await store.readChunks(places, async () => {
      most = Math.max(most, ++busy)
      await new Promise((resolve) => setImmediate(resolve))
      busy--
    })
    assert.equal(most, 1)
  })

  test(
    `${name}: a listener that throws ends the read with its error, and the store can be read again`,
    options,
    async (t) => {
      const store = await (await openStores(t))()
      const places = await write(store, { a: bytes('A'), b: bytes('B') })
      const enough = new Error('enough')
      let delivered = 0
      const refusing = store.readChunks(places, async () => {
        delivered++
        throw enough
      })
      await assert.rejects(refusing, (error) => error === enough)
      assert.equal(delivered, 1)
      assert.equal((await read(store, places)).length, 2)
    },
  )

  test(`${name}: a closed store refuses with STOPPED`, options, async (t) => {
    const store = await (await openStores(t))()
    await store.close()
    await assert.rejects(store.writeChunk('a', bytes('a')), isStopped)
    await assert.rejects(store.writeManifest('a', bytes('a')), isStopped)
    await assert.rejects(store.manifests(), isStopped)
    await store.close()
  })
}
