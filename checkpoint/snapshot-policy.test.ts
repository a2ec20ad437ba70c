import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyFold } from './fold.ts'
import type { Generation, Manifest } from './snapshot-manifest.ts'
import { leftovers, type Situation, SnapshotPolicy, snapshotTimes } from './snapshot-policy.ts'
import { TailBytes } from './tail-bytes.ts'

function manifest(generation: string, start: number): Manifest {
  const fold = { ...emptyFold, reign: [1, 0] as [number, number], offset: start }
  const rest = { recordBefore: 'r', end: start, chunks: [[1, 'c', 0]] as [number, string, number][], keys: 1, bytes: 1 }
  return { state: 'complete', generation, start: fold, ...rest, by: 'n', writtenAtMs: 0 }
}
const begun = (generation: string, chunksBelow = 64) =>
  ({ state: 'begun', generation, chunksBelow, by: 'n', writtenAtMs: 0 }) as const

/** A policy that is asked every 100 ms; it is told of what `there` holds whenever it looks. */
function asked(random = 0) {
  const policy = new SnapshotPolicy({ tailBytesMin: 1_000, delayMaxMs: 5_000, random: () => random })
  const world = { nowMs: 0, there: [] as Generation[], looks: 0 }
  const until = (what: string, situation: Partial<Situation>, mostMs = 600_000): number => {
    const beganMs = world.nowMs
    while (world.nowMs - beganMs < mostMs) {
      world.nowMs += 100
      const all = { nowMs: world.nowMs, role: 'standby', tailBytes: 0, stateBytes: 0, standbys: undefined } as const
      const decision = policy.decide({ ...all, ...situation })
      if (decision === what) return world.nowMs - beganMs
      if (decision !== 'look') continue
      world.looks++
      policy.looked(world.there, world.nowMs)
    }
    return Number.POSITIVE_INFINITY
  }
  return { policy, world, until }
}
const never = Number.POSITIVE_INFINITY

test('none is due before the floor, nor before the journal has grown by the size of the state', () => {
  assert.equal(asked().until('take', { tailBytes: 999 }), never)
  assert.equal(asked().until('take', { tailBytes: 4_999, stateBytes: 5_000 }), never)
  assert.ok(asked().until('take', { tailBytes: 5_000, stateBytes: 5_000 }) < 1_000)
  assert.ok(asked().until('take', { tailBytes: 1_000 }) < 1_000)
})

test('one is due at once when those that there were are gone: the journal was truncated because of them', () => {
  const { world, until } = asked()
  until('take', { tailBytes: 0 }, 120_000)
  world.there = [manifest('a', 100)]
  assert.equal(until('take', { tailBytes: 0 }, 300_000), never)
  world.there = []
  assert.ok(until('take', { tailBytes: 0 }, 300_000) < 70_000)
  world.there = [manifest('b', 120)]
  until('look', { tailBytes: 0 })
  assert.equal(until('take', { tailBytes: 0 }, 300_000), never)
})

test('the snapshots are listed right before one is begun, and seldom while none is due', () => {
  const { world, until } = asked(0.5)
  until('take', { tailBytes: 2_000 })
  assert.ok(world.looks >= 1)
  const idle = asked()
  idle.until('take', { tailBytes: 0 }, 300_000)
  assert.ok(idle.world.looks >= 4 && idle.world.looks <= 6, `${idle.world.looks} looks in five minutes`)
})

test('standbys wait for different times', () => {
  assert.ok(asked(0.8).until('take', { tailBytes: 2_000 }) >= 4_000)
})

test('an active takes one only when it is alone, or nobody did for long', () => {
  const tookMs = (situation: Partial<Situation>) =>
    asked().until('take', { role: 'active', tailBytes: 2_000, ...situation })
  assert.ok(tookMs({ standbys: 0 }) < 1_000)
  for (const standbys of [undefined, 1]) {
    const ms = tookMs({ standbys })
    assert.ok(ms >= snapshotTimes.patience && ms < 2 * snapshotTimes.patience, `${ms}`)
  }
})

test('who neither leads nor follows takes none', () => {
  assert.equal(asked().until('take', { role: 'neither', tailBytes: 2_000 }), never)
})

test('while another is at it nobody begins; when that one stops growing for long, somebody does', () => {
  const { world, until } = asked()
  world.there = [begun('other')]
  const ms = until('take', { tailBytes: 2_000 })
  assert.ok(ms >= snapshotTimes.abandoned && ms < 2 * snapshotTimes.abandoned, `${ms}`)
  const growing = asked()
  growing.world.there = [begun('other')]
  for (let chunks = 64; chunks < 640; chunks += 64) {
    growing.world.there = [begun('other', chunks)]
    assert.equal(growing.until('take', { tailBytes: 2_000 }, snapshotTimes.abandoned - 10_000), never)
  }
})

test('after failures the pauses grow, to a bound', () => {
  const { policy, world, until } = asked()
  const pauses = Array.from({ length: 9 }, () => {
    const ms = until('take', { tailBytes: 2_000 })
    policy.failed(world.nowMs)
    return ms
  })
  assert.ok(pauses[1]! >= 5_000 && pauses[1]! < 7_000 && pauses[2]! >= 10_000 && pauses[3]! >= 20_000, `${pauses}`)
  assert.ok(pauses[8]! <= snapshotTimes.retryMax + 1_000)
})

test('the two that start highest are kept, and the journal from the lower one on', () => {
  const there = [manifest('c', 30), manifest('a', 10), manifest('d', 40), manifest('b', 20)]
  const { remove, truncateBefore } = leftovers(there, new Set(), [])
  assert.deepEqual([remove.map(({ generation }) => generation), truncateBefore], [['b', 'a'], 30])
})

test('with one sound snapshot nothing may go: it could be damaged', () => {
  assert.deepEqual(leftovers([manifest('a', 10)], new Set(), []), { remove: [], truncateBefore: null })
  assert.deepEqual(leftovers([manifest('a', 10), manifest('b', 20)], new Set(['b']), []).truncateBefore, null)
})

test('one that was found damaged does not count as one of the two', () => {
  const there = [manifest('a', 10), manifest('b', 20), manifest('c', 30)]
  assert.deepEqual(leftovers(there, new Set(['b']), []).truncateBefore, 10)
})

test('what cannot be read is left alone, and an unfinished one goes only when it was abandoned', () => {
  const { policy, world } = asked()
  const there: Generation[] = [begun('left'), { state: 'unusable', generation: 'newer', why: '' }, manifest('a', 1)]
  policy.looked(there, world.nowMs)
  assert.deepEqual(policy.leftovers(there, new Set(), snapshotTimes.abandoned - 1).remove, [])
  assert.deepEqual(policy.leftovers(there, new Set(), snapshotTimes.abandoned).remove, [begun('left')])
})

test('the bytes behind an offset are counted once each, and never too few', () => {
  const tail = new TailBytes()
  tail.begin(0)
  for (let offset = 0; offset < 10_000; offset++) for (let twice = 0; twice < 2; twice++) tail.read(offset, 930)
  assert.equal(tail.since(0), 10_000_000)
  assert.equal(tail.since(-5), 10_000_000)
  for (const offset of [1, 77, 5_000, 9_999]) {
    const exact = (10_000 - offset) * 1_000
    assert.ok(tail.since(offset) >= exact && tail.since(offset) < exact + 70_000, `${tail.since(offset)}`)
  }
  tail.begin(500)
  assert.equal(tail.since(500), 0)
})

test('marks are bounded however long the journal', () => {
  const tail = new TailBytes()
  tail.begin(0)
  for (let offset = 0; offset < 20_000; offset++) tail.read(offset, 100_000)
  const half = tail.since(10_000) / tail.since(0)
  assert.ok(half >= 0.5 && half < 0.51, `${half}`)
})
