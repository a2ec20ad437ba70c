import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { announce, announceVacancy } from './announcements.ts'

test('that nobody can lead is said with who is starting and how far; the very first start is no warning', () => {
  const lines: { level: number; msg: string }[] = []
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const starting = [
    { name: 'b', ratio: 0.4399 },
    { name: 'c', ratio: null },
  ]
  announceVacancy(log, { type: 'vacant', epoch: 3, reason: 'a is gone', starting })
  announceVacancy(log, { type: 'vacant', epoch: 0, reason: 'no active was decided yet', starting: [] })
  assert.deepEqual(
    lines.map(({ level, msg }) => [level, msg]),
    [
      [40, 'waiting for a backend that can lead: a is gone; starting: b (43 %), c'],
      [30, 'waiting for a backend that can lead: no active was decided yet'],
    ],
  )
})

test('how long a decision took is told by the clock of the receiver that decided it', () => {
  const took: number[] = []
  const log = pino({}, { write: (line: string) => void took.push(JSON.parse(line).tookMs) })
  const decision = { shard: 0, epoch: 2, name: 'b', incarnation: 'b-1', url: 'http://b', exactlyOnce: true }
  const event = { type: 'decided', decision, previous: 'a', reason: 'a is gone', detectedAtMs: 1_000 } as const
  announce(log, { ...event, atMs: 1_004 })
  announce(log, { ...event, atMs: 9_000, decidedAtMs: 1_004 })
  assert.deepEqual(took, [4, 4])
})
