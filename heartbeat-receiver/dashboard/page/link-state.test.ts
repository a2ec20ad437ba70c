import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LinkEvent, type LinkState, nextLink, retryDelayMs } from './link-state.ts'

const connecting: LinkState = { kind: 'connecting' }
const live: LinkState = { kind: 'live' }
const lost: LinkState = { kind: 'lost', sinceMs: 7 }
const token: LinkState = { kind: 'token' }

test('the state follows what is heard, what breaks and what the receiver asks for', () => {
  const table: [LinkState, LinkEvent, LinkState][] = [
    [connecting, { type: 'heard' }, live],
    [lost, { type: 'heard' }, live],
    [live, { type: 'broke', atMs: 7 }, lost],
    [lost, { type: 'broke', atMs: 99 }, lost],
    [connecting, { type: 'broke', atMs: 7 }, connecting],
    [connecting, { type: 'session', needed: true, given: false }, token],
    [lost, { type: 'session', needed: true, given: false }, token],
    [lost, { type: 'session', needed: true, given: true }, lost],
    [lost, { type: 'session', needed: false, given: false }, lost],
    [token, { type: 'token given' }, connecting],
  ]
  for (const [state, event, next] of table)
    assert.deepEqual(nextLink(state, event), next, `${state.kind} ${event.type}`)
})

test('what is so already is the same state', () => {
  assert.equal(nextLink(token, { type: 'session', needed: true, given: false }), token)
  assert.equal(nextLink(live, { type: 'heard' }), live)
})

test('tries are further and further apart, up to five seconds', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 100].map(retryDelayMs), [500, 1_000, 2_000, 4_000, 5_000, 5_000])
})
