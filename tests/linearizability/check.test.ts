import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check } from './check.ts'
import type { Operation } from './operation.ts'
import { booking, counter, register, unknown } from './told.ts'

/** What no linearizable service tells. */
const bad: Record<string, readonly Operation[]> = {
  'a stale read: a value that was overwritten before the read began': [
    register('a', 0, 1).set(1, 1),
    register('a', 2, 3).set(2, 2),
    register('b', 4, 5).get(1, 1),
  ],
  'a stale read of a counter': [
    counter('a', 0, 1).increment(1),
    counter('a', 2, 3).increment(2),
    counter('b', 4, 5).get(1),
  ],
  'a lost update: two increments that tell the same value': [
    counter('a', 0, 5).increment(1),
    counter('b', 1, 6).increment(1),
  ],
  'a lost update: an increment that no later read shows': [counter('a', 0, 1).increment(1), counter('b', 2, 3).get(0)],
  'a write that was acknowledged and is gone': [register('a', 0, 1).set(1, 1), register('b', 2, 3).unset()],
  'a dirty read: a value whose write was told to have failed': [
    register('a', 0, 5).notApplied(1),
    register('b', 1, 2).get(1, 1),
  ],
  'a dirty read: a value seen and then gone, with no change between': [
    register('a', 0, unknown).lost(1),
    register('b', 1, 2).get(1, 1),
    register('b', 3, 4).unset(),
  ],
  'a double apply: one increment that counts twice': [counter('a', 0, 1).increment(1), counter('b', 2, 3).get(2)],
  'a double apply of an increment with an unknown outcome': [
    counter('a', 0, unknown).lost(),
    counter('b', 2, 3).get(1),
    counter('b', 4, 5).get(2),
  ],
  'a double apply of a set: its version rises twice': [register('a', 0, 1).set(1, 1), register('b', 2, 3).get(1, 2)],
  'reads that go back while one write is under way': [
    register('a', 0, 10).set(1, 1),
    register('b', 1, 2).get(1, 1),
    register('b', 3, 4).unset(),
  ],
  'reads of two clients that see two writes in two orders': [
    register('a', 0, 10).set(1, 1),
    register('b', 0, 10).set(2, 2),
    register('c', 1, 2).get(1, 1),
    register('c', 3, 4).get(2, 1),
  ],
  'a write visible before its call': [register('b', 0, 1).get(1, 1), register('a', 2, 3).set(1, 1)],
  'an unanswered write visible before its call': [register('b', 0, 1).get(1, 1), register('a', 2, unknown).lost(1)],
  'two compare-and-sets of one value that both win': [
    register('a', 0, 1).set(0, 1),
    register('a', 2, 5).swap(0, 1, 2),
    register('b', 2, 5).swap(0, 2, 2),
  ],
  'a compare-and-set refused though nothing else was there': [
    register('a', 0, 1).set(0, 1),
    register('b', 2, 3).refused(0, 1, 0, 1),
  ],
  'a compare-and-set that wins upon a value overwritten before': [
    register('a', 0, 1).set(0, 1),
    register('a', 2, 3).set(5, 2),
    register('b', 4, 5).swap(0, 1, 3),
  ],
  'a seat shown as of another than who booked it': [booking('a', 0, 1).book('ann'), booking('b', 2, 3).get('bob')],
  'a seat refused for the sake of who never had it': [
    booking('a', 0, 1).book('ann'),
    booking('b', 2, 3).taken('bob', 'carol'),
  ],
  'a seat booked by two': [booking('a', 0, 1).book('ann'), booking('b', 2, 3).book('bob')],
  'a seat refused though it was free': [booking('a', 0, 1).taken('bob', 'ann')],
  'a seat refused for the sake of one who came later': [
    booking('a', 0, 1).taken('ann', 'bob'),
    booking('b', 2, 3).book('bob'),
  ],
  'a booking cancelled twice': [
    booking('a', 0, 1).book('ann'),
    booking('a', 2, 5).cancel('ann'),
    booking('b', 2, 5).cancel('ann'),
  ],
  'a booking made again under another number: the transaction ran twice': [
    booking('a', 0, 1).book('ann', 'first'),
    booking('b', 2, 3).get('ann', 'second'),
  ],
  'a booking that comes back after it was cancelled': [
    booking('a', 0, 1).book('ann'),
    booking('a', 2, 3).cancel('ann'),
    booking('b', 4, 5).get('ann'),
  ],
}

/** What one may tell, though it looks odd. */
const good: Record<string, readonly Operation[]> = {
  'nothing at all': [],
  'reads that differ while a write is under way': [
    register('a', 0, 10).set(1, 1),
    register('b', 1, 2).unset(),
    register('c', 1, 4).get(1, 1),
    register('b', 5, 6).get(1, 1),
  ],
  'a write that ends after a read that saw it': [register('a', 0, 10).set(1, 1), register('b', 1, 2).get(1, 1)],
  'an unanswered write that takes effect long after': [
    register('a', 0, unknown).lost(1),
    register('b', 1, 2).unset(),
    register('b', 100, 101).get(1, 1),
  ],
  'an unanswered write that never takes effect': [
    register('a', 0, unknown).lost(1),
    register('b', 1, 2).set(2, 1),
    register('b', 3, 4).get(2, 1),
  ],
  'a refused write and no trace of it': [register('a', 0, 5).notApplied(1), register('b', 6, 7).unset()],
  'increments out of the order in which they were called': [
    counter('a', 0, 10).increment(3),
    counter('b', 1, 10).increment(1),
    counter('c', 2, 10).increment(2),
  ],
  'an unanswered increment between two that were answered': [
    counter('a', 0, 1).increment(1),
    counter('b', 2, unknown).lost(),
    counter('a', 3, 4).increment(3),
  ],
  'one of two compare-and-sets that wins': [
    register('a', 0, 1).set(0, 1),
    register('a', 2, 5).swap(0, 1, 2),
    register('b', 2, 5).refused(0, 2, 1, 2),
  ],
  'a compare-and-set from nothing': [register('a', 0, 1).swap(null, 1, 1), register('a', 2, 3).get(1, 1)],
  'a seat refused to one, for another who booked it at that time': [
    booking('a', 0, 5).book('ann'),
    booking('b', 1, 2).taken('bob', 'ann'),
  ],
  'a seat booked, cancelled and booked by another': [
    booking('a', 0, 1).book('ann', '1'),
    booking('a', 2, 3).cancel('ann', '1'),
    booking('b', 2, 5).book('bob', '2'),
    booking('b', 6, 7).get('bob', '2'),
  ],
  'an unanswered booking whose number shows in the first read': [
    booking('a', 0, unknown).lost('ann'),
    booking('b', 2, 3).get('ann', '7'),
    booking('b', 4, 5).get('ann', '7'),
  ],
}

for (const [title, history] of Object.entries(bad)) {
  test(`refused: ${title}`, () => assert.equal(check(history)?.type, 'not linearizable'))
}
for (const [title, history] of Object.entries(good)) {
  test(`accepted: ${title}`, () => assert.equal(check(history), null))
}

test('objects are judged by themselves: a fault on one is told with its key', () => {
  const other = bad['a seat booked by two']!.map((operation) => ({ ...operation, key: 'other' }))
  assert.equal(check([...good['one of two compare-and-sets that wins']!, ...other])?.key, 'other')
})

test('the explanation shows what cannot be ordered and no more', () => {
  const before = Array.from({ length: 40 }, (_, at) => counter('a', at * 10, at * 10 + 1).increment(at + 1))
  const after = Array.from({ length: 40 }, (_, at) => counter('c', 500 + at * 10, 501 + at * 10).get(40))
  const violation = check([...before, counter('b', 450, 451).get(39), ...after])
  assert.deepEqual(violation?.lines, [
    'no order explains these, on counter k:',
    '  390.000 to 391.000 ms  a  increment(by 1) -> value 40',
    '  450.000 to 451.000 ms  b  get() -> value 39',
    '  not even with 39 other changes placed freely, or not at all',
  ])
})

test('the explanation names a write that was told to have failed', () => {
  const { lines } = check(bad['a dirty read: a value whose write was told to have failed']!)!
  assert.deepEqual(lines.slice(1), [
    '  1.000 to 2.000 ms  b  get() -> ok true, value 1, version 1',
    '  0.000 to 5.000 ms  a  set(value 1) -> not applied, so it must have no effect',
  ])
})

test('a search that gives up is a failure and says so', () => {
  const history = Array.from({ length: 60 }, (_, at) => booking('a', at, unknown).lost(`user ${at}`))
  const cancels = Array.from({ length: 6 }, (_, at) => booking('b', 100 + 2 * at, 101 + 2 * at).cancel(`user ${at}`))
  const violation = check([...history, ...cancels, booking('b', 200, 201).get('nobody')], 20)
  assert.equal(violation?.type, 'undecided')
})
