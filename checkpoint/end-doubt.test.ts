import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EndDoubt, type EndVerdict, lostAfterAnswers, lostAfterMs } from './end-doubt.ts'

const read = 100

/** A look every half second from `fromMs` on, all answered with `end`; the verdicts. */
function looks(doubt: EndDoubt, count: number, end: number, fromMs = 0, everyMs = 500): EndVerdict[] {
  return Array.from({ length: count }, (_, index) =>
    doubt.judge({ end, read, awaited: null, afresh: doubt.doubtful }, fromMs + index * everyMs),
  )
}

test('an end at or above what was read is believed', () => {
  const doubt = new EndDoubt()
  assert.deepEqual([looks(doubt, 1, 100), looks(doubt, 1, 101), doubt.doubtful], [['sound'], ['sound'], false])
})

test('an end short of what was read is doubted, and no loss before fresh clients have said so for long enough', () => {
  const doubt = new EndDoubt()
  const verdicts = looks(doubt, 30, 99)
  assert.equal(verdicts.indexOf('lost'), lostAfterMs / 500)
  assert.deepEqual(new Set(verdicts.slice(0, lostAfterMs / 500)), new Set(['doubtful']))
})

test('long enough alone is no loss: a few answers after a long silence may all be of one broker', () => {
  const doubt = new EndDoubt()
  looks(doubt, 1, 99)
  const verdicts = looks(doubt, lostAfterAnswers, 99, lostAfterMs * 2)
  assert.deepEqual(verdicts.indexOf('lost'), lostAfterAnswers - 1)
})

test('what a client says that was there before counts for nothing, however long', () => {
  const doubt = new EndDoubt()
  for (let nowMs = 0; nowMs < 60_000; nowMs += 500)
    assert.equal(doubt.judge({ end: 99, read, awaited: null, afresh: false }, nowMs), 'doubtful')
})

test('one look that finds all that was read clears the doubt, and it begins anew', () => {
  const doubt = new EndDoubt()
  looks(doubt, 19, 99)
  assert.deepEqual(looks(doubt, 1, 100, 9_500), ['sound'])
  assert.equal(doubt.doubtful, false)
  assert.ok(!looks(doubt, 20, 99, 10_000).includes('lost'))
})

test('an append answered with an offset below what was read is a second witness: then one look is enough', () => {
  const doubt = new EndDoubt()
  assert.equal(doubt.appended(100, 98), true)
  assert.deepEqual(looks(doubt, 1, 99), ['lost'])
})

test('an answer that is false, and a look that finds all that was read, are no loss; nor is one of the answers that can be', () => {
  const doubt = new EndDoubt()
  doubt.appended(100, 98)
  assert.deepEqual(looks(doubt, 1, 100), ['sound'])
  for (const offset of [-1, 100, 101]) assert.equal(doubt.appended(100, offset), false)
  assert.deepEqual(looks(doubt, 2, 99), ['doubtful', 'doubtful'])
})

test('an end short of what an append was answered with is not believed, and never a loss: the answer may be the false one', () => {
  const doubt = new EndDoubt()
  const judge = (end: number, nowMs: number) => doubt.judge({ end, read, awaited: 105, afresh: doubt.doubtful }, nowMs)
  for (let nowMs = 0; nowMs < 60_000; nowMs += 500) assert.equal(judge(105, nowMs), 'doubtful')
  assert.deepEqual([judge(106, 60_000), doubt.doubtful], ['sound', false])
})
