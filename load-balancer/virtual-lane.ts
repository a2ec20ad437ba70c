/** For tests: a replay lane in virtual time, over connections with no sockets. */
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import type { Decision } from '../heartbeat-receiver/protocol.ts'
import type { HoldLimits } from './holding.ts'
import type { Outlet } from './job.ts'
import { ReplayLane } from './replay-lane.ts'
import { FakeFollower } from './test-cluster.ts'
import { VirtualConnections } from './virtual-connections.ts'
import { VirtualTime } from './virtual-time.ts'

export const limits = { timeMs: 1_000, requestsMax: 10, bytesMax: 1_000 }

export function startLane(t: TestContext, given: Partial<HoldLimits> = {}) {
  const time = new VirtualTime()
  const follower = new FakeFollower()
  const backends: VirtualConnections[] = []
  const answers: string[] = []
  const lane = new ReplayLane({
    limits: { ...limits, ...given },
    token: undefined,
    follower,
    observer: { replayed: () => undefined, failedOver: () => undefined },
    log: pino({ level: 'silent' }),
    time,
    connect: (target, settled) => {
      const backend = new VirtualConnections(target, settled, time)
      backends.push(backend)
      return backend
    },
  })
  t.after(() => lane.close())
  const outlet = {
    answer: (_job: unknown, { status }: { status: number }, body: Buffer | null) =>
      void answers.push(`${status} ${body}`),
    problem: (_job: unknown, { type }: { type: string }) => void answers.push(type),
  } as unknown as Outlet
  const send = (method: string, path = '/') =>
    lane.submit({ outlet, outgoing: { method, path, headers: [], body: null } })
  return { time, follower, backends, answers, lane, send }
}

export function decisionFor(name: string, epoch: number): Decision {
  return { shard: 0, epoch, name, incarnation: `${name}-1`, url: `http://${name}`, exactlyOnce: true }
}
