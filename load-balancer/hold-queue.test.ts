import assert from 'node:assert/strict'
import { it, mock } from 'node:test'
import { HoldQueue } from './hold-queue.ts'
import type { Job } from './job.ts'

it('a request that was held before ends when its own time is over, not when that of an earlier hold is', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  let nowMs = 0
  const expired: Job[] = []
  const limits = { timeMs: 10_000, requestsMax: 9, bytesMax: 9 }
  const queue = new HoldQueue({ limits, now: () => nowMs, expired: (job) => expired.push(job) })
  const [fresh, heldBefore] = [0, 9_900].map((heldForMs) => ({ bytes: 0, heldForMs }) as Job) as [Job, Job]
  queue.hold(fresh, 'target')
  queue.hold(heldBefore, 'target')
  const pass = (ms: number) => {
    nowMs += ms
    mock.timers.tick(ms)
  }
  pass(99)
  assert.deepEqual(expired, [])
  pass(1)
  assert.deepEqual(expired, [heldBefore])
  pass(9_900)
  assert.deepEqual(expired, [heldBefore, fresh])
})
