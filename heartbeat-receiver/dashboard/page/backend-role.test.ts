import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleBoard } from '../sample-board.ts'
import { roleOf } from './backend-role.ts'

const [, active, standby, starting] = sampleBoard().backends
const calm = { ...standby!, draining: false }

test('each state has a sign and a word of its own: colour is never all there is', () => {
  const states = [
    { ...calm, alive: false },
    { ...calm, silence: 1 },
    { ...active!, phase: 'claiming' as const },
    active!,
    { ...calm, draining: true },
    starting!,
    calm,
  ].map(roleOf)
  assert.deepEqual(
    states.map(({ sign, word }) => `${sign} ${word}`),
    ['✕ gone', '! suspected', '◐ taking over', '★ active', '‖ draining', '◐ starting, 25 %', '● standby'],
  )
  assert.equal(new Set(states.map(({ word }) => word)).size, states.length)
})

test('an active that is to be drained is both', () => {
  assert.equal(roleOf({ ...active!, draining: true }).word, 'active, draining')
})
