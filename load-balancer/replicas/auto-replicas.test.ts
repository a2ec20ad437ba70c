import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { type TestContext, test } from 'node:test'
import { capturedLog } from '../../heartbeat-receiver/captured-log.ts'
import { Membership } from '../membership.ts'
import { Metrics } from '../metrics.ts'
import { AutoReplicas, arrivalsIn, countArrivals } from './auto-replicas.ts'
import { defaultAutoscaleSettings } from './autoscale.ts'
import { defaultKeeperSettings, type KeeperSettings } from './keeper.ts'
import { ReplicaSet } from './replica-set.ts'
import type { Spawner } from './spawner.ts'
import { until } from './test-server.ts'

/** Servers that run as soon as they are asked for and end when they are told to, or at once if they are `stillborn`. */
function instantSpawner(stillborn = false): Spawner {
  return {
    spawn: ({ name }) => {
      const ended = Promise.withResolvers<string>()
      if (stillborn) ended.resolve('ended with exit code 1')
      const stop = async () => ended.resolve('ended')
      return { url: `http://${name}`, exited: ended.promise, accepts: async () => undefined, stop }
    },
    close: async () => undefined,
  }
}

/** Automatic replicas over a clock and clients that only the test moves; `pass` answers who is kept after a sample with so many requests. */
function startAuto(t: TestContext, spawner: Spawner, keeping: Partial<KeeperSettings> = {}) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { log, lines } = capturedLog()
  const membership = new Membership()
  let nowMs = 0
  const now = () => nowMs
  const replicas = new ReplicaSet({ settings: { ...defaultKeeperSettings, ...keeping }, spawner, membership, log, now })
  const clients = new EventEmitter()
  const auto = new AutoReplicas({
    ...{ replicas, arrivals: countArrivals(clients), taken: () => ['server-2'], log, now },
    settings: { ...defaultAutoscaleSettings, min: 1, max: 4, ratePerReplica: 10, downAfterMs: 10_000, seasonMs: 0 },
  })
  t.after(async () => {
    auto.close()
    await replicas.close()
  })
  const pass = async (requests: number) => {
    for (let sent = 0; sent < requests; sent += 1) clients.emit('request')
    nowMs += 5_000
    t.mock.timers.tick(5_000)
    await new Promise((resolve) => setImmediate(resolve))
    return replicas.names
  }
  return { pass, replicas, lines }
}

test('servers follow the requests that arrive', async (t) => {
  const { pass, lines } = startAuto(t, instantSpawner())
  assert.deepEqual(await pass(0), ['server-1'])
  // 20 a second, at most 8 for each.
  assert.deepEqual(await pass(100), ['server-1', 'server-3', 'server-4'])
  assert.deepEqual(await pass(10_000), ['server-1', 'server-3', 'server-4', 'server-5'])
  assert.equal((await pass(0)).length, 4)
  assert.deepEqual(await pass(0), ['server-1'])
  const scaled = lines.filter(({ event }) => event === 'scaled').map(({ from, to, reason }) => [from, to, reason])
  assert.deepEqual(scaled, [
    [0, 1, 'bounds'],
    [1, 3, 'rate'],
    [3, 4, 'bounds'],
    [4, 1, 'bounds'],
  ])
})

test('what is given up is not replaced by more of the same, and goes first', async (t) => {
  const { pass, replicas, lines } = startAuto(t, instantSpawner(true), { crashesMax: 1 })
  await pass(100)
  await until(() => replicas.givenUp.length === 3, 'giving up')
  assert.deepEqual(await pass(100), [])
  assert.deepEqual([replicas.givenUp.length, lines.filter(({ event }) => event === 'spawned').length], [3, 3])
  await pass(0)
  await pass(0)
  assert.equal(replicas.givenUp.length, 1)
})

test('the requests are counted in the metrics too, where several processes serve', async () => {
  const metrics = new Metrics()
  const clients = new EventEmitter()
  metrics.watchArrivals(countArrivals(clients))
  for (const event of ['request', 'checkContinue', 'request']) clients.emit(event)
  assert.equal(arrivalsIn(await metrics.text()), 3)
  clients.emit('request')
  assert.equal(arrivalsIn(await metrics.text()), 4)
  assert.equal(arrivalsIn(''), 0)
})
