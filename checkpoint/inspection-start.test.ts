import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startChoices } from './inspection-start.ts'
import type { Manifest } from './snapshot-manifest.ts'

function snapshot(offset: number, end = offset): Manifest {
  const start = { offset, reign: [1, 0] as [number, number], incarnation: 'a', node: 'a', url: '', digest: '', at: 0 }
  const rest = { chunks: [], keys: 0, bytes: 0, by: 'a', writtenAtMs: 0 }
  return { state: 'complete', generation: `g${offset}`, start, end, recordBefore: `before ${offset}`, ...rest }
}
const places = (from: number, first: number, end: number, manifests: Manifest[]) =>
  startChoices(from, { first, end }, manifests).map(({ start, recordBefore }) => [
    start.offset,
    'why' in start ? 'unknown' : 'known',
    recordBefore,
  ])

describe('an inspection begins', () => {
  it('at the nearest snapshot that begins at or before what is asked for, and else at the beginning', () => {
    assert.deepEqual(places(25, 0, 100, [snapshot(10), snapshot(30), snapshot(20)]), [
      [20, 'known', 'before 20'],
      [10, 'known', 'before 10'],
      [0, 'known', null],
    ])
    assert.deepEqual(places(30, 0, 100, [snapshot(30)])[0], [30, 'known', 'before 30'])
  })

  it('at the snapshot for which the journal was truncated, whose record before is gone', () => {
    assert.deepEqual(places(15, 10, 100, [snapshot(10), snapshot(30)]), [
      [10, 'known', null],
      [10, 'unknown', null],
    ])
  })

  it('without knowledge where no snapshot says what was: none, one below, one of a longer journal', () => {
    assert.deepEqual(places(40, 10, 100, [snapshot(9), snapshot(20, 101), snapshot(41)]), [[10, 'unknown', null]])
  })
})
