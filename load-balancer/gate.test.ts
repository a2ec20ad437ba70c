import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  afterFailure,
  afterGoing,
  afterPause,
  afterScoutLeft,
  type Gate,
  lets,
  openGate,
  pauseFirstMs,
  pauseMaxMs,
} from './gate.ts'

it('after a failure nobody goes until the pause is over, then one scout', () => {
  let gate: Gate = afterFailure(openGate)
  assert.ok(!lets(gate))
  gate = afterPause(gate)
  assert.ok(lets(gate))
  gate = afterGoing(gate)
  assert.ok(!lets(gate))
  assert.ok(lets(afterScoutLeft(gate)))
})

it('the pause doubles with each scout that fails, to a bound; echoes during a pause do not count', () => {
  let gate: Gate = afterFailure(openGate)
  const pausesMs: number[] = []
  for (let round = 0; round < 6; round += 1) {
    gate = afterFailure(afterFailure(gate))
    assert.ok(gate.state === 'pausing')
    pausesMs.push(gate.pauseMs)
    gate = afterFailure(afterGoing(afterPause(gate)))
  }
  assert.deepEqual(pausesMs, [pauseFirstMs, 40, 80, 160, pauseMaxMs, pauseMaxMs])
})
