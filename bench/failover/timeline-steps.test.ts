import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepsOf } from './timeline-steps.ts'

const at = (process: string, time: number, fields: object) => ({ process, line: { time, ...fields } })

test('each step is the first of its kind after the kill, whoever comes to say it first', () => {
  const lines = [
    at('receiver', 90, { event: 'decided' }),
    at('balancer', 103.5, { event: 'routed' }),
    at('receiver', 102, { event: 'decided' }),
    at('receiver', 130, { event: 'decided' }),
    at('backend-2', 106.2, { from: 'claiming', to: 'active' }),
    at('backend-1', 110, { from: 'claiming', to: 'standby' }),
  ]
  assert.deepEqual(
    [...stepsOf(lines, 100)].map(([title, ms]) => [title, Math.round(ms * 10) / 10]),
    [
      ['receiver: decided', 2],
      ['balancer: decision heard, held requests sent', 3.5],
      ['successor: claim valid', 6.2],
    ],
  )
})
