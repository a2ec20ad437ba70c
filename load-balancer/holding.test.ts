import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Holding } from './holding.ts'

const limits = { timeMs: 100, requestsMax: 2, bytesMax: 10 }

describe('holding', () => {
  it('is bounded in count and in bytes', () => {
    const holding = new Holding(limits)
    const [first, second] = [{}, {}]
    assert.equal(holding.hold(first, 6, 0, 0), 'held')
    assert.equal(holding.hold({}, 5, 0, 0), 'too large')
    assert.equal(holding.hold(second, 4, 0, 0), 'held')
    assert.equal(holding.hold({}, 0, 0, 0), 'too many')
    holding.release(first, 0)
    assert.equal(holding.hold({}, 6, 0, 0), 'held')
  })

  it('tells the most that were held at a time since it was asked, also when that is over', () => {
    const holding = new Holding({ ...limits, requestsMax: 5 })
    const [first, second] = [{}, {}]
    holding.hold(first, 0, 0, 0)
    holding.hold(second, 0, 0, 0)
    holding.release(first, 1)
    holding.hold({}, 0, 0, 1)
    holding.release(second, 1)
    assert.equal(holding.takePeak(), 2)
    assert.equal(holding.takePeak(), 1, 'one is held still')
  })

  it('is bounded in time, over all holds of a request', () => {
    const holding = new Holding(limits)
    const request = {}
    holding.hold(request, 0, 0, 1_000)
    assert.equal(holding.nextDeadlineMs, 1_100)
    assert.equal(holding.release(request, 1_060), 60)
    assert.equal(holding.hold(request, 0, 60, 5_000), 'held')
    assert.deepEqual(holding.takeDue(5_039), [])
    assert.deepEqual(holding.takeDue(5_040), [request])
    assert.equal(holding.release(request, 5_040), 40)
    assert.equal(holding.hold(request, 0, 100, 6_000), 'too long')
    assert.equal(holding.nextDeadlineMs, Number.POSITIVE_INFINITY)
  })

  it('keeps its bounds and its sums whatever happens', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('hold' as const), bytes: fc.nat(6), heldForMs: fc.nat(120) }),
      fc.record({ do: fc.constant('release' as const), index: fc.nat(5) }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const holding = new Holding<{ bytes: number; deadlineMs: number }>(limits)
        let nowMs = 0
        let held: { bytes: number; deadlineMs: number }[] = []
        for (const each of steps) {
          if (each.do === 'hold') {
            const request = { bytes: each.bytes, deadlineMs: nowMs + limits.timeMs - each.heldForMs }
            if (holding.hold(request, each.bytes, each.heldForMs, nowMs) === 'held') held.push(request)
          } else if (each.do === 'release') {
            const request = held[each.index]
            if (request) holding.release(request, nowMs)
            held = held.filter((other) => other !== request)
          } else {
            nowMs += each.ms
            const due = held.filter(({ deadlineMs }) => deadlineMs <= nowMs)
            assert.deepEqual(holding.takeDue(nowMs), due)
            for (const request of due) holding.release(request, nowMs)
            held = held.filter((request) => !due.includes(request))
          }
          assert.equal(holding.count, held.length)
          assert.equal(
            holding.bytes,
            held.reduce((sum, { bytes }) => sum + bytes, 0),
          )
          assert.ok(holding.count <= limits.requestsMax && holding.bytes <= limits.bytesMax)
          for (const { deadlineMs } of held) assert.ok(holding.nextDeadlineMs <= deadlineMs)
        }
      }),
    )
  })
})
