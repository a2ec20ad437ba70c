import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { Checkpoint, type CheckpointOptions } from './checkpoint.ts'
import { createMemoryLog, memoryJournal } from './memory-journal.ts'
import { MemorySnapshots, memorySnapshots } from './memory-snapshots.ts'
import { complete, decodeGenerations } from './snapshot-manifest.ts'

const log = pino({ level: 'silent' })

function world(t: TestContext) {
  const shared = createMemoryLog()
  const stored = new MemorySnapshots()
  const make = async (name: string, options: Partial<CheckpointOptions> = {}) => {
    const ports = { journal: memoryJournal(shared), snapshots: memorySnapshots(stored) }
    // None is due: all that are there were asked for.
    const limits = { snapshotTailBytes: Number.MAX_SAFE_INTEGER }
    const checkpoint = new Checkpoint({ ...ports, incarnation: name, node: name, log, limits, ...options })
    t.after(() => checkpoint.close(0))
    await checkpoint.start()
    return checkpoint
  }
  const manifests = () => complete(decodeGenerations(stored.manifests))
  return { shared, stored, make, manifests }
}

async function leading(checkpoint: Checkpoint): Promise<Checkpoint> {
  checkpoint.lead(1)
  assert.equal(await checkpoint.whenLeading(5_000), true)
  const map = checkpoint.map<number>('m')
  for (let key = 0; key < 20; key++) await checkpoint.transact(() => map.set(`k${key}`, key))
  return checkpoint
}

test('a leader takes a snapshot when asked, of all that was acknowledged, and a start reads it', async (t) => {
  const { make, manifests, shared } = world(t)
  const leader = await leading(await make('a'))
  await leader.takeSnapshot()
  const [only, ...others] = manifests()
  assert.deepEqual([only?.keys, others.length], [20, 0])
  await leader.close(0)
  const restored = await make('b')
  assert.equal(
    restored.stale(() => restored.map('m').size),
    20,
  )
  assert.equal(restored.status().snapshot?.newest?.generation, only?.generation)
  assert.equal(shared.first, 0, 'one snapshot is no reason to forget the journal')
})

test('a standby takes one too, and what is older than the second is cleared away', async (t) => {
  const { make, manifests, shared } = world(t)
  const leader = await leading(await make('a'))
  const standby = await make('b')
  for (let turn = 0; turn < 3; turn++) {
    const { offset } = leader.status()
    await leader.transact(() => leader.map('m').set('turn', turn))
    while (standby.status().offset <= offset) await new Promise((resolve) => setTimeout(resolve, 5))
    await standby.takeSnapshot()
  }
  assert.equal(manifests().length, 2)
  assert.equal(shared.first, manifests()[1]?.start.offset)
})

test('those asked for at the same time are taken one after the other', async (t) => {
  const { make, stored } = world(t)
  const snapshots = memorySnapshots(stored)
  const write = snapshots.writeManifest.bind(snapshots)
  const told: string[] = []
  snapshots.writeManifest = async (generation, value) => {
    told.push(generation)
    await write(generation, value)
  }
  const leader = await leading(await make('a', { snapshots }))
  await Promise.all([leader.takeSnapshot(), leader.takeSnapshot()])
  const [first, second] = [told[0], told.at(-1)]
  assert.deepEqual(told, [first, first, second, second], 'each is announced and finished before the next is announced')
  assert.notEqual(first, second)
})

test('a snapshot that cannot be written rejects, and the next may do', async (t) => {
  const shared = createMemoryLog()
  const stored = new MemorySnapshots()
  const snapshots = memorySnapshots(stored)
  const writeChunk = snapshots.writeChunk.bind(snapshots)
  const broken = Object.assign(snapshots, { writeChunk: async () => assert.fail('the disk is full') })
  const options = { journal: memoryJournal(shared), snapshots: broken, incarnation: 'a', node: 'a', log }
  const leader = new Checkpoint(options)
  t.after(() => leader.close(0))
  await leader.start()
  await leading(leader)
  await assert.rejects(leader.takeSnapshot(), /the disk is full/)
  broken.writeChunk = writeChunk as never
  await leader.takeSnapshot()
  assert.equal(complete(decodeGenerations(stored.manifests)).length, 1)
})

test('who was given nowhere to keep them, follows nothing yet, or was closed, refuses with the reason', async (t) => {
  const { make } = world(t)
  const without = new Checkpoint({ journal: memoryJournal(), incarnation: 'a', node: 'a', log })
  t.after(() => without.close(0))
  await without.start()
  await assert.rejects(without.takeSnapshot(), { code: 'OPTIONS_WRONG' })
  const closed = await make('b')
  await closed.close(0)
  await assert.rejects(closed.takeSnapshot(), { code: 'STOPPED' })
  const ports = { journal: memoryJournal(), snapshots: memorySnapshots() }
  const starting = new Checkpoint({ ...ports, incarnation: 'c', node: 'c', log })
  t.after(() => starting.close(0))
  await assert.rejects(starting.takeSnapshot(), { code: 'NOT_ACTIVE' })
})
