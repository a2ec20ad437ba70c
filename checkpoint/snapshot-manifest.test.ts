import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CheckpointError } from './errors.ts'
import { emptyFold } from './fold.ts'
import {
  complete,
  decodeGeneration,
  decodeGenerations,
  encodeGeneration,
  type Manifest,
  nothingCovers,
  restoreChoice,
} from './snapshot-manifest.ts'

function manifest(generation: string, start: number, end: number): Manifest {
  return {
    state: 'complete',
    generation,
    start: { ...emptyFold, reign: [1, 0], offset: start },
    recordBefore: 'r',
    end,
    chunks: [[10, 'c', 0]],
    keys: 1,
    bytes: 10,
    by: 'node',
    writtenAtMs: 1,
  }
}
const bytes = (data: unknown) => new TextEncoder().encode(typeof data === 'string' ? data : JSON.stringify(data))
const plain = (made: Manifest) => JSON.parse(new TextDecoder().decode(encodeGeneration(made)))

test('what was encoded comes back', () => {
  const made = manifest('g', 5, 9)
  assert.deepEqual(decodeGeneration('g', encodeGeneration(made)), made)
  const begun = { state: 'begun', generation: 'b', chunksBelow: 64, by: 'node', writtenAtMs: 1 } as const
  assert.deepEqual(decodeGeneration('b', encodeGeneration(begun)), begun)
})

const bad: [string, unknown, RegExp][] = [
  ['is cut off', '{"version":1', /not JSON/],
  ['is of a newer format', { ...plain(manifest('g', 5, 9)), version: 2 }, /version 2.*upgrade/],
  ['is of no format', { hello: 1 }, /version undefined/],
  ['is null', 'null', /version undefined/],
  ['has no chunk', { ...plain(manifest('g', 5, 9)), chunks: [], bytes: 0 }, /not sound: chunks/],
  ['lacks a field', { ...plain(manifest('g', 5, 9)), recordBefore: undefined }, /not sound: recordBefore/],
  ['ends before it starts', plain(manifest('g', 5, 4)), /start and end/],
  ['counts other bytes than its chunks have', { ...plain(manifest('g', 5, 9)), bytes: 11 }, /bytes/],
]
for (const [what, data, why] of bad) {
  test(`a manifest that ${what} is not used, and it is said why`, () => {
    const found = decodeGeneration('g', bytes(data))
    assert.equal(found.state, 'unusable')
    assert.match(found.state === 'unusable' ? found.why : '', why)
  })
}

test('the newest is the one that starts highest, not the one written last', () => {
  const stored = new Map([
    ['high', encodeGeneration(manifest('high', 50, 60))],
    ['written last', encodeGeneration(manifest('written last', 10, 70))],
  ])
  assert.deepEqual(
    complete(decodeGenerations(stored)).map(({ generation }) => generation),
    ['high', 'written last'],
  )
})

test('a snapshot that starts before the journal does is of no use; one that starts with it is', () => {
  const generations = [manifest('a', 10, 12), manifest('b', 20, 25), manifest('c', 30, 30)]
  const { candidates, unused } = restoreChoice(generations, { journalStart: 20, journalEnd: 40 })
  assert.deepEqual(
    candidates.map(({ generation }) => generation),
    ['c', 'b'],
  )
  assert.match(nothingCovers(20, unused).message, /starts at offset 20.*snapshot a: .*offset 10/)
})

test('a journal that is shorter than what a snapshot saw has lost records, whatever other snapshots there are', () => {
  const lost = (error: unknown) =>
    error instanceof CheckpointError &&
    error.code === 'HISTORY_LOST' &&
    /ends at 40.*snapshot b .*41 records/.test(error.message)
  const generations = [manifest('a', 10, 12), manifest('b', 20, 41)]
  assert.throws(() => restoreChoice(generations, { journalStart: 0, journalEnd: 40 }), lost)
  assert.equal(restoreChoice(generations, { journalStart: 0, journalEnd: 41 }).candidates.length, 2)
})
