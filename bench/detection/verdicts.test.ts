import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ReceiverEvent } from '../../heartbeat-receiver/protocol.ts'
import { falseAlarms } from './verdicts.ts'

const of = { name: 'a', incarnation: 'a-1' }
const decided = (atMs: number, name: string, previous: string | null): ReceiverEvent => ({
  ...{ type: 'decided', atMs, previous, reason: 'silent for 300 ms', detectedAtMs: atMs },
  decision: { shard: 0, epoch: atMs, name, incarnation: `${name}-1`, url: 'http://a', exactlyOnce: true },
})

it('counts suspicions by kind, and failovers but not the first decision nor one that keeps the active', () => {
  const events: ReceiverEvent[] = [
    decided(1, 'a', null),
    { type: 'suspected', atMs: 2, ...of, reason: 'silent for 201 ms' },
    { type: 'suspected', atMs: 12, ...of, reason: 'silent for 301 ms' },
    { type: 'suspected', atMs: 13, ...of, reason: 'silent for 401.5 ms' },
    { type: 'left', atMs: 14, ...of, reason: 'silent for 401 ms', crashed: true },
    { type: 'left', atMs: 14, ...of, reason: 'stopped', crashed: false },
    decided(15, 'b', 'a'),
    decided(16, 'b', 'b'),
  ]
  assert.deepEqual(falseAlarms(events, 10), {
    suspicions: { 'silent for N ms': 2 },
    failovers: ['a → b: silent for 300 ms'],
    judged: 1,
  })
})
