import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Staleness } from './staleness.ts'

const at = (monotonicMs: number, wallMs = monotonicMs) => ({ monotonicMs, wallMs })

function look(staleness: Staleness, askedMs: number, end: number): void {
  staleness.asked(at(askedMs))
  staleness.answered(at(askedMs), end)
}

test('nothing is known before a look was answered and its end reached', () => {
  const staleness = new Staleness()
  assert.equal(staleness.boundMs(at(10), 100), Number.POSITIVE_INFINITY)
  look(staleness, 20, 101)
  assert.equal(staleness.boundMs(at(30), 100), Number.POSITIVE_INFINITY)
  assert.equal(staleness.boundMs(at(35), 101), 15)
})

test('age counts from when the look was asked, not from when its end was reached or answered', () => {
  const staleness = new Staleness()
  look(staleness, 0, 10)
  look(staleness, 500, 12)
  assert.equal(staleness.boundMs(at(900), 11), 900)
  assert.equal(staleness.boundMs(at(1_000), 12), 500)
  assert.equal(staleness.boundMs(at(4_000), 12), 3_500, 'reading on proves nothing; only a look does')
})

test('the larger of both clocks counts: a suspended machine has a slow one, and a clock set back says nothing', () => {
  const staleness = new Staleness()
  look(staleness, 0, 0)
  assert.equal(staleness.boundMs(at(5, 60_000), 0), 60_000)
  assert.equal(staleness.boundMs(at(5, -60_000), 0), 5)
})

test('a look is wanted when half the limit is used up, and not just after another', () => {
  const staleness = new Staleness()
  assert.equal(staleness.wantsLook(at(0), 0, 1_000), true)
  look(staleness, 0, 0)
  assert.deepEqual(
    [49, 500, 501].map((nowMs) => staleness.wantsLook(at(nowMs), 0, 1_000)),
    [false, false, true],
  )
  assert.deepEqual(
    [49, 50].map((nowMs) => staleness.wantsLook(at(nowMs), 0, 20)),
    [false, true],
  )
})

test('however far behind, what is kept is bounded, and the newest look counts in the end', () => {
  const staleness = new Staleness()
  for (let index = 0; index < 1_000; index++) look(staleness, index, 1_000 + index)
  assert.equal(staleness.boundMs(at(1_000), 1_000), 1_000)
  assert.equal(staleness.boundMs(at(1_000), 1_999), 1)
})

/** What happens next to a standby, and how much later: a write, a look sent or answered, records read. */
const happening = fc.record({
  what: fc.constantFrom('write', 'write', 'ask', 'see', 'answer', 'read'),
  laterMs: fc.integer({ min: 0, max: 300 }),
  count: fc.integer({ min: 1, max: 4 }),
})

test('the bound is sound: every write acknowledged before it is in the state, whatever the order of events', () => {
  const story = fc.array(happening, { maxLength: 300 })
  fc.assert(
    fc.property(story, (happenings) => {
      const staleness = new Staleness()
      const acknowledgedAtMs: number[] = []
      let asked: { atMs: number; end: number | null } | null = null
      let offset = 0
      let nowMs = 0
      for (const { what, laterMs, count } of happenings) {
        nowMs += laterMs
        if (what === 'write') for (let turn = 0; turn < count; turn++) acknowledgedAtMs.push(nowMs)
        if (what === 'read') offset = Math.min(acknowledgedAtMs.length, offset + count)
        if (what === 'ask' && !asked) {
          asked = { atMs: nowMs, end: null }
          staleness.asked(at(nowMs))
        }
        if (what === 'see' && asked) asked.end ??= acknowledgedAtMs.length // the broker answers; the answer travels
        if (what === 'answer' && asked && asked.end !== null) {
          staleness.answered(at(asked.atMs), asked.end)
          asked = null
        }
        const boundMs = staleness.boundMs(at(nowMs), offset)
        const missing = acknowledgedAtMs.findIndex((ms, index) => index >= offset && ms < nowMs - boundMs)
        assert.equal(missing, -1, `write ${missing} is missing at ${nowMs}, with a bound of ${boundMs}`)
      }
    }),
    { numRuns: 300 },
  )
})
