import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { pino } from 'pino'
import { realTime } from '../checkpoint/time.ts'
import type { Connect } from './backend-connections.ts'
import { BalancedLane } from './balanced-lane.ts'
import { balancerOptions } from './config.ts'
import { BackendPool } from './forward.ts'
import type { Outlet } from './job.ts'
import type { Lane } from './lane.ts'
import { Membership } from './membership.ts'
import { ReplayLane } from './replay-lane.ts'
import { breakerLimitsOf, retryLimitsOf } from './strategies/config.ts'
import { FakeFollower } from './test-cluster.ts'

const count = 5_000
const limits = { timeMs: 10_000, requestsMax: count, bytesMax: count }
const log = pino({ level: 'silent' })
const observer = { replayed: () => undefined, failedOver: () => undefined }
const connect: Connect = (target, settled) => new BackendPool(target, settled)
const url = 'http://127.0.0.1:1'

/** Holds requests that no backend can be told, and releases them by `release`; answers what became of them. */
function problemsOf(t: TestContext, lane: Lane, release: () => void): string[] {
  t.after(() => lane.close())
  const problems: string[] = []
  const outlet = {
    problem: (_job: unknown, { type }: { type: string }) => void problems.push(type),
  } as unknown as Outlet
  for (let held = 0; held < count; held++)
    lane.submit({ outlet, outgoing: { method: 'GET', path: '/not a path', headers: [], body: null } })
  assert.equal(lane.held, count)
  release()
  return problems
}

it('any number of held requests that fail at once are told so, by the replay lane', (t) => {
  const follower = new FakeFollower()
  const lane = new ReplayLane({ limits, token: undefined, follower, observer, log, time: realTime, connect })
  const decision = { shard: 0, epoch: 1, name: 'a', incarnation: 'a-1', url, exactlyOnce: true }
  const problems = problemsOf(t, lane, () => follower.decide(decision))
  assert.deepEqual([problems.length, ...new Set(problems)], [count, 'malformed'])
})

it('any number of held requests that fail at once are told so, by the balanced lane', (t) => {
  const membership = new Membership()
  const options = balancerOptions.parse({})
  const lane = new BalancedLane({
    ...{ membership, limits, observer, log, time: realTime, random: Math.random, requestsMax: 256 },
    settings: { ...options, strategy: 'round-robin' },
    breaker: breakerLimitsOf(options),
    retries: retryLimitsOf(options),
  })
  const problems = problemsOf(t, lane, () => membership.register({ name: 'a', url }))
  assert.deepEqual([problems.length, ...new Set(problems)], [count, 'malformed'])
})
