import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from '../../checkpoint/checkpoint.ts'
import { emptyDigest } from '../../checkpoint/digest.ts'
import { encodeClaim, encodeCommit, type Marks, type Reign } from '../../checkpoint/record.ts'
import type { Replica } from '../../checkpoint/replica.ts'
import { Stage } from '../../checkpoint/stage.ts'
import { Store } from '../../checkpoint/store.ts'
import { booking, counter, register } from '../linearizability/told.ts'
import { acknowledged, atMostOnce } from './acknowledged.ts'
import { bounded } from './bounds.ts'
import { PlainFold } from './plain-fold.ts'
import { recovered } from './recovery.ts'
import { equalReplicas, oneReign, type ReplicaView } from './replicas.ts'

function claim(reign: Reign, incarnation: string): Uint8Array {
  const rest = { node: incarnation, url: '', at: 0, through: 0, digest: emptyDigest }
  return encodeClaim({ type: 'claim', version: 2, reign, incarnation, ...rest })
}

/** A commit of one transaction; no digest fits, which the plain fold does not look at. */
function commit(reign: Reign, incarnation: string, changes: [string, string, unknown][], marks: Marks | null = null) {
  const store = new Store(defaultLimits)
  const { steps } = store.run(
    () => {
      for (const [map, key, value] of changes) store.set(map, key, value)
    },
    () => undefined,
  )
  const header = { type: 'commit', version: 2, reign, incarnation, at: 0, digest: emptyDigest } as const
  return encodeCommit(header, [store.encode(marks, marks && '{}', steps)])
}

function folded(...records: Uint8Array[]): PlainFold {
  const fold = new PlainFold()
  fold.follow(records)
  return fold
}

test('the plain fold: only the current claimant of the highest reign commits', () => {
  const fold = folded(
    commit([0, 0], 'nobody', [['counters', 'k', 9]]),
    claim([1, 0], 'a'),
    commit([1, 0], 'a', [['counters', 'k', 1]]),
    claim([1, 0], 'b'),
    commit([1, 0], 'b', [['counters', 'k', 2]]),
    claim([1, 1], 'b'),
    commit([1, 0], 'a', [['counters', 'k', 3]]),
    commit([1, 1], 'b', [['counters', 'k', 4]]),
  )
  assert.deepEqual(fold.validCommits, [2, 7])
  assert.deepEqual(fold.mapsAt(7), new Map([['counters', new Map([['k', '1']])]]))
  assert.deepEqual(fold.mapsAt(8), new Map([['counters', new Map([['k', '4']])]]))
  assert.deepEqual(fold.places[8], { offset: 8, epoch: 1, attempt: 1, incarnation: 'b' })
})

test('invariant 1: an acknowledged change that is not in the valid history', () => {
  const fold = folded(
    claim([1, 0], 'a'),
    commit([1, 0], 'a', [['counters', 'k', 1]]),
    claim([2, 0], 'b'),
    commit([1, 0], 'a', [['counters', 'k', 2]]),
    commit([2, 0], 'b', [
      ['registers', 'k', { value: 'x', version: 1 }],
      ['bookings', 'k', { user: 'ann', id: '7' }],
    ]),
  )
  const kept = [counter('c', 0, 1).increment(1), register('c', 0, 1).set('x', 1), booking('c', 0, 1).book('ann', '7')]
  assert.equal(acknowledged(kept, fold), null)
  assert.equal(acknowledged([...kept, counter('c', 2, 3).increment(2)], fold)?.invariant, 1)
  assert.equal(acknowledged([register('c', 0, 1).set('x', 2)], fold)?.invariant, 1)
  assert.equal(acknowledged([booking('c', 0, 1).book('ann', '8')], fold)?.invariant, 1)
})

test('invariant 2: a request that stands twice in the valid history', () => {
  const marks: Marks = { request: ['1', 5, 0] }
  const twice = folded(
    claim([1, 0], 'a'),
    commit([1, 0], 'a', [['counters', 'k', 1]], marks),
    commit([1, 0], 'a', [['counters', 'k', 2]], marks),
  )
  const operations = [counter('c', 0, 1).increment(1), counter('c', 0, 1).lost()]
  assert.equal(atMostOnce(operations, twice)?.invariant, 2)
  const voided = folded(
    claim([1, 0], 'a'),
    claim([1, 1], 'a'),
    commit([1, 0], 'a', [['counters', 'k', 1]], marks),
    commit([1, 1], 'a', [['counters', 'k', 1]], marks),
  )
  assert.equal(atMostOnce(operations, voided), null)
})

test('invariant 2: a change more often than it was asked for, or one that was told to have failed', () => {
  const once = folded(claim([1, 0], 'a'), commit([1, 0], 'a', [['registers', 'k', { value: 1, version: 1 }]]))
  assert.equal(atMostOnce([register('c', 0, 1).lost(1)], once), null)
  assert.equal(atMostOnce([register('c', 0, 1).notApplied(1)], once)?.invariant, 2)
  const two = folded(
    claim([1, 0], 'a'),
    commit([1, 0], 'a', [['counters', 'k', 1]]),
    commit([1, 0], 'a', [['counters', 'k', 2]]),
  )
  assert.equal(atMostOnce([counter('c', 0, 1).lost(), counter('c', 0, 1).lost()], two), null)
  assert.equal(atMostOnce([counter('c', 0, 1).lost()], two)?.invariant, 2)
})

test('invariants 3 and 4: replicas as production makes them agree with the plain fold', () => {
  const { views, fold } = threeReplicas()
  assert.equal(oneReign(views, fold), null)
  assert.equal(equalReplicas(views, fold), null)
})

test('invariant 3: a replica that takes another reign for the current one', () => {
  const { views, fold } = threeReplicas()
  const wrong = views.map((view, at) => (at === 1 ? { ...view, reign: [9, 0] as const } : view))
  assert.equal(oneReign(wrong, fold)?.invariant, 3)
  assert.equal(oneReign([{ ...views[0]!, offset: 99 }], fold)?.invariant, 3)
})

test('invariant 4: a replica with another state than the journal says, or than its neighbour remembers', () => {
  const { views, fold } = threeReplicas()
  const state = views[0]!.state as { maps: unknown[]; remembered: object }
  const poorer = views.map((view, at) => (at === 1 ? { ...view, state: { ...state, maps: [] } } : view))
  assert.equal(equalReplicas(poorer, fold)?.invariant, 4)
  const allPoorer = views.map((view) => ({ ...view, state: { ...state, maps: [] } }))
  assert.equal(equalReplicas(allPoorer, fold)?.invariant, 4, 'all alike, and all wrong')
  const forgetful = views.map((view, at) => (at === 1 ? { ...view, state: { ...state, remembered: {} } } : view))
  assert.equal(equalReplicas(forgetful, fold)?.invariant, 4)
})

/** One writer fenced by another, and a reader: all at the end of the same log. */
function threeReplicas(): { views: ReplicaView[]; fold: PlainFold } {
  const stage = new Stage()
  const first = stage.leader('a', 1)
  first.openSession()
  first.settle()
  first.ask('increment', { request: ['1', 1, 0] })
  first.settle()
  const second = stage.leader('b', 2)
  second.ask('increment', { request: ['1', 2, 0] })
  second.settle()
  first.ask('increment')
  first.flush()
  first.land()
  const reader = stage.writer('c')
  const writers = [first, second, reader]
  for (const writer of writers) writer.readAll()
  const fold = new PlainFold()
  fold.follow(stage.log)
  const viewOf = ({ replica, store }: { replica: Replica; store: Store }, at: number): ReplicaView => {
    const { offset, reign } = replica.foldState
    return { name: `replica ${at}`, offset, reign, state: store.snapshot() }
  }
  return { views: writers.map(viewOf), fold }
}

test('invariant 6: an operation that is not answered long after all was healed', () => {
  const bound = { fromMs: 100, withinMs: 50, untilMs: 1_000, operationsMin: 1 }
  assert.equal(recovered([counter('c', 10, 900).lost(), counter('c', 200, 210).get(0)], bound), null)
  assert.equal(recovered([counter('c', 200, 251).get(0)], bound)?.invariant, 6)
  assert.equal(recovered([counter('c', 200, 210).lost()], bound)?.invariant, 6)
  assert.equal(recovered([register('c', 200, 210).notApplied(0)], bound)?.invariant, 6)
  assert.equal(recovered([counter('c', 990, 2_000).lost(), counter('c', 200, 210).get(0)], bound), null)
  assert.equal(recovered([], bound)?.invariant, 6, 'nothing asked shows nothing')
})

test('invariant 7: what is above its bound, or cannot be counted', () => {
  assert.equal(bounded([{ name: 'queue', value: 3, max: 3 }]), null)
  assert.equal(bounded([{ name: 'queue', value: 4, max: 3 }])?.invariant, 7)
  assert.equal(bounded([{ name: 'queue', value: Number.NaN, max: 3 }])?.invariant, 7)
})
