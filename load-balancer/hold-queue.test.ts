import assert from 'node:assert/strict'
import { it } from 'node:test'
import { HoldQueue } from './hold-queue.ts'
import type { Job } from './job.ts'
import { VirtualTime } from './virtual-time.ts'

it('a request that was held before ends when its own time is over, not when that of an earlier hold is', async () => {
  const time = new VirtualTime()
  const expired: Job[] = []
  const limits = { timeMs: 10_000, requestsMax: 9, bytesMax: 9 }
  const queue = new HoldQueue({ limits, time, expired: (job) => expired.push(job) })
  const [fresh, heldBefore] = [0, 9_900].map((heldForMs) => ({ bytes: 0, heldForMs }) as Job) as [Job, Job]
  queue.hold(fresh, 'target')
  queue.hold(heldBefore, 'target')
  await time.pass(99)
  assert.deepEqual(expired, [])
  await time.pass(1)
  assert.deepEqual(expired, [heldBefore])
  await time.pass(9_900)
  assert.deepEqual(expired, [heldBefore, fresh])
  assert.deepEqual([heldBefore.heldForMs, fresh.heldForMs], [10_000, 10_000])
  assert.equal(queue.count, 0)
})
