import assert from 'node:assert/strict'
import { it } from 'node:test'
import { BodyPace, isTooSlow } from './body-pace.ts'

const limits = { pauseMaxMs: 1_000, bytesPerSecondMin: 100 }

it('a rate counts only after the time that any body may take', () => {
  assert.equal(isTooSlow(limits, 1, 1_000), false)
  assert.equal(isTooSlow(limits, 100, 1_001), true)
  assert.equal(isTooSlow(limits, 101, 1_001), false)
  assert.equal(isTooSlow({ ...limits, bytesPerSecondMin: 0 }, 0, 1e9), false)
})

it('time in which nobody asks for more is not the client’s', () => {
  const pace = new BodyPace(limits, 0, 0)
  pace.paused(500)
  assert.equal(pace.waiting, false)
  pace.resumed(60_000)
  assert.equal(pace.arrived(1, 60_500), 'goes on')
  assert.equal(pace.arrived(1, 60_501), 'too slow')
})

it('a body may be as large as its limit, and not larger', () => {
  const pace = new BodyPace(limits, 10, 0)
  assert.equal(pace.arrived(10, 1), 'goes on')
  assert.equal(pace.arrived(1, 1), 'too large')
  assert.equal(new BodyPace(limits, 0, 0).arrived(1e12, 1), 'goes on')
})
