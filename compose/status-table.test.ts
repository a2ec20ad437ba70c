import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BackendView, Decision } from '../heartbeat-receiver/protocol.ts'
import type { ReceiverState } from './status.ts'
import { statusTable } from './status-table.ts'

const view = (name: string, more: Partial<BackendView> = {}): BackendView => ({
  name,
  incarnation: `${name}-i`,
  url: `http://127.0.0.1/${name}`,
  weight: 1,
  phase: 'standby',
  alive: true,
  active: false,
  reign: [0, 0],
  offset: 41,
  lag: 1,
  inFlight: 0,
  eventLoopDelayMs: 0,
  silentMs: 12.4,
  suspicion: 0,
  activeSinceMs: null,
  progress: null,
  ...more,
})
const decision: Decision = {
  shard: 0,
  epoch: 3,
  name: 'b',
  incarnation: 'b-i',
  url: 'http://127.0.0.1/b',
  exactlyOnce: true,
}

test('the active comes first, with its epoch and since when', () => {
  const active = view('b', { phase: 'active', active: true, offset: 42, lag: 0, activeSinceMs: 1_000 })
  const status = {
    receiver: 'ws://127.0.0.1:7070',
    receivers: [],
    backends: [view('a'), active, view('c', { alive: false })],
    decisions: [decision],
  }
  assert.equal(
    statusTable(status, 61_000),
    `b is active for 60 s, epoch 3

BACKEND  PHASE    CHOSEN  ACTIVE SINCE              OFFSET  BEHIND  SILENT  URL
b        active   yes     1970-01-01T00:00:01.000Z  42      0       12 ms   http://127.0.0.1/b
a        standby                                    41      1       12 ms   http://127.0.0.1/a
c        dead                                       41      1       12 ms   http://127.0.0.1/c`,
  )
})

test('who starts or catches up shows how far it is and how long it will take, where that is known', () => {
  const backends = [
    view('a', { phase: 'starting', lag: 570, progress: { ratio: 0.4399, remainingMs: 4_600 } }),
    view('b', { phase: 'starting', lag: 900, progress: { ratio: 0, remainingMs: null } }),
    view('c', { lag: 12_000, progress: { ratio: 0.999, remainingMs: 40 } }),
    view('d', { alive: false, lag: 7, progress: null }),
    view('e', { progress: undefined as never }), // of a receiver that does not know the word
  ]
  const [, , ...rows] = statusTable({ receiver: 'ws://r', receivers: [], backends, decisions: [] }, 0).split('\n')
  const cells = rows.map((row) => row.split(/ {2,}/).slice(0, 4))
  assert.deepEqual(cells, [
    ['BACKEND', 'PHASE', 'CHOSEN', 'ACTIVE SINCE'],
    ['a', 'starting 43 %', '41', '570 (5 s)'],
    ['b', 'starting 0 %', '41', '900'],
    ['c', 'standby 99 %', '41', '12000 (1 s)'],
    ['d', 'dead', '41', '7'],
    ['e', 'standby', '41', '1'],
  ])
})

test('who drains is shown as that', () => {
  const backends = [view('a', { draining: true }), view('b', { draining: false })]
  const [, , , ...rows] = statusTable({ receiver: 'ws://r', receivers: [], backends, decisions: [] }, 0).split('\n')
  assert.deepEqual(
    rows.map((row) => row.split(/ {2,}/)[1]),
    ['standby, draining', 'standby'],
  )
})

test('nobody there and nobody active is said, not shown as an empty table', () => {
  const nobody = { receiver: 'ws://127.0.0.1:7070', receivers: [], backends: [], decisions: [decision] }
  assert.equal(statusTable(nobody, 0), 'no backend is active; the last decision was epoch 3\nno backend is there')
})

test('of several receivers it is said which leads, and which cannot be asked; of one alone, nothing', () => {
  const alone = { url: 'ws://r1', leads: true }
  const status = { receiver: 'ws://r1', receivers: [alone], backends: [], decisions: [] }
  assert.equal(statusTable(status, 0), 'no backend is active\nno backend is there')
  const follower = { url: 'ws://r2', leads: false }
  const dead = { url: 'ws://r3', leads: false, problem: 'refuses connections' }
  const lineOf = (receivers: ReceiverState[]) => statusTable({ ...status, receivers }, 0).split('\n')[1]
  assert.equal(
    lineOf([alone, follower, dead]),
    'receivers: ws://r1 leads, ws://r2 follows, ws://r3 refuses connections',
  )
  assert.equal(lineOf([follower, dead]), 'receivers: ws://r2 follows, ws://r3 refuses connections; none leads')
})
