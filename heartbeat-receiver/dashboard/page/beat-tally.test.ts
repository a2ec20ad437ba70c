import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beatTimes, noBeats, tallyBeats } from './beat-tally.ts'

const names = ['backend-1', 'backend-2']
const frameMs = 200

/** After so many frames in which each backend beat so often. */
function after(frames: number, counts: Record<string, number>, from = noBeats, startMs = 0) {
  let tally = from
  for (let frame = 0; frame <= frames; frame++)
    tally = tallyBeats(tally, names, new Map(Object.entries(counts)), startMs + frame * frameMs)
  return tally
}

test('the rate is right from the second frame on', () => {
  const { perSecond } = after(1, { 'backend-1': 2, 'backend-2': 1 })
  assert.ok(Math.abs(perSecond.get('backend-1')! - 10) < 1e-9)
  assert.ok(Math.abs(perSecond.get('backend-2')! - 5) < 1e-9)
})

test('the rate of one that falls silent sinks to nearly nothing within ten seconds', () => {
  const beating = after(10, { 'backend-1': 2 })
  const silent = after(50, {}, beating, beating.atMs! + frameMs)
  assert.ok(silent.perSecond.get('backend-1')! < 0.5)
  assert.ok(silent.perSecond.get('backend-1')! >= 0)
})

test('a first frame, a frame out of order, and one after a long pause say nothing about a rate', () => {
  const first = tallyBeats(noBeats, names, new Map([['backend-1', 9]]), 1_000)
  assert.equal(first.perSecond.get('backend-1'), undefined)
  const beating = after(1, { 'backend-1': 2 })
  assert.equal(tallyBeats(beating, names, new Map([['backend-1', 9]]), beating.atMs!), beating)
  const paused = tallyBeats(beating, names, new Map([['backend-1', 9]]), beating.atMs! + 60_000)
  assert.ok(Math.abs(paused.perSecond.get('backend-1')! - 10) < 1e-9)
  assert.equal(paused.atMs, beating.atMs! + 60_000)
})

test('a backend that is forgotten is forgotten here too', () => {
  const beating = after(5, { 'backend-1': 2, 'backend-2': 2 })
  const { perSecond } = tallyBeats(beating, ['backend-2'], new Map([['backend-2', 2]]), beating.atMs! + frameMs)
  assert.deepEqual([...perSecond.keys()], ['backend-2'])
})

test('heartbeats are spread over the frame that they came in, the last at its end', () => {
  assert.deepEqual(beatTimes(2, 1_000, 200), [900, 1_000])
  assert.deepEqual(beatTimes(0, 1_000, 200), [])
})
