import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { viewBackend } from './backend-view.ts'
import { createBackend, type KnownBackend } from './known-backend.ts'
import { type Heartbeat, heartbeatSchema } from './protocol.ts'

const heartbeat = {
  ...{ type: 'heartbeat', sequence: 1, phase: 'starting', reign: [0, 0], journalReign: [0, 0], offset: 43, lag: 57 },
  ...{ unsettledMs: 0, journalReachable: true, inFlight: 0, eventLoopDelayMs: 0 },
}

function known(status: Heartbeat | null): KnownBackend {
  const hello = { name: 'a', incarnation: 'a-1', url: 'http://a', weight: 1, direct: true, exactlyOnce: true }
  const backend = createBackend(hello, { connection: 1, seniority: 0, intervalMs: 100, nowMs: 0 })
  backend.status = status
  return backend
}

describe('the progress of a backend', () => {
  it('is shown as its heartbeat tells it', () => {
    const progress = { ratio: 0.43, remainingMs: null }
    const status = heartbeatSchema.parse({ ...heartbeat, progress })
    assert.deepEqual(viewBackend(known(status), null, 0).progress, progress)
  })

  it('is none where nothing is under way, and of one that does not know the word or was not heard yet', () => {
    assert.equal(viewBackend(known(heartbeatSchema.parse(heartbeat)), null, 0).progress, null)
    assert.equal(viewBackend(known(null), null, 0).progress, null)
  })

  it('is none of the dead', () => {
    const backend = known(heartbeatSchema.parse({ ...heartbeat, progress: { ratio: 0.5, remainingMs: 10 } }))
    backend.liveness = { state: 'gone', reason: '', sinceMs: 0, judgedAtMs: 0, said: false, proven: false }
    assert.equal(viewBackend(backend, null, 0).progress, null)
  })

  it('is a share, and what is none is refused', () => {
    for (const progress of [
      { ratio: 1.1, remainingMs: 0 },
      { ratio: -0.1, remainingMs: 0 },
      { ratio: 0, remainingMs: -1 },
    ])
      assert.equal(heartbeatSchema.safeParse({ ...heartbeat, progress }).success, false)
  })

  it('costs an older receiver nothing: words that are not known are skipped', () => {
    assert.equal(heartbeatSchema.safeParse({ ...heartbeat, later: { more: 1 } }).success, true)
  })
})
