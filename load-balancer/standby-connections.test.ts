import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { blackHole } from './black-hole.ts'
import { BackendPool } from './forward.ts'
import { Membership } from './membership.ts'
import type { SendingListener } from './sending.ts'
import {
  type IdleConnections,
  StandbyConnections,
  signOfLifeMs,
  standbyConnectionsMax,
  standbysMax,
} from './standby-connections.ts'
import { FakeBackend, Journal, send, startCluster, until } from './test-cluster.ts'
import { memberOf } from './test-streams.ts'
import { VirtualConnections } from './virtual-connections.ts'
import { decisionFor } from './virtual-lane.ts'
import { VirtualTime } from './virtual-time.ts'

class FakeIdle extends VirtualConnections implements IdleConnections {
  open: number[] = []
  used = false
  destroyed = false

  stayOpen(count: number): void {
    this.open.push(count)
  }

  use(): void {
    this.used = true
  }

  override destroy(): void {
    this.destroyed = true
  }
}

function start(t: TestContext) {
  const time = new VirtualTime()
  const membership = new Membership()
  const made: FakeIdle[] = []
  const standbys = new StandbyConnections({
    membership,
    time,
    make: (target) => {
      const connections = new FakeIdle(target, () => undefined, time)
      made.push(connections)
      return connections
    },
  })
  t.after(() => standbys.close())
  const member = (name: string, phase: 'standby' | 'active' | 'claiming', weight = 1) => {
    const { incarnation, url } = decisionFor(name, 1)
    return { name, incarnation, url, weight, exactlyOnce: true, phase, lag: 0 }
  }
  return { time, membership, made, standbys, member }
}

const settled = () => undefined
const targetOf = (backend: FakeBackend) => ({ ...backend.decision(2), name: 'b' })
const deaf: SendingListener = {
  idempotent: true,
  connected: () => undefined,
  hinted: () => undefined,
  answered: () => undefined,
  begun: () => undefined,
  data: () => true,
  ended: () => undefined,
  cut: () => undefined,
  failed: () => undefined,
}

describe('connections to standbys', () => {
  it('are open before anybody needs them, and asked for a sign of life so that they stay', async (t) => {
    const { time, membership, made, member } = start(t)
    membership.heard([member('a', 'active'), member('b', 'standby')])
    assert.deepEqual(
      made.map(({ target, open }) => [target.name, open]),
      [['b', [standbyConnectionsMax]]],
    )
    await time.pass(signOfLifeMs)
    assert.equal(made[0]!.open.length, 2)
    assert.equal(made[0]!.used, false)
  })

  it('are what a standby is reached by once it is named', (t) => {
    const { membership, made, standbys, member } = start(t)
    membership.heard([member('a', 'active'), member('b', 'standby')])
    membership.heard([member('b', 'claiming')])
    assert.equal(standbys.connect(decisionFor('b', 2), settled), made[0])
    assert.ok(made[0]!.used)
    assert.notEqual(standbys.connect(decisionFor('b', 3), settled), made[0], 'they are given once')
  })

  it('are not made to who was just named, though it is still told of as a standby', (t) => {
    const { membership, made, standbys, member } = start(t)
    membership.heard([member('a', 'active'), member('b', 'standby')])
    standbys.connect(decisionFor('b', 2), settled)
    membership.heard([member('b', 'standby')]) // as when a is judged to be gone
    assert.equal(made.length, 1)
    standbys.connect(decisionFor('c', 3), settled)
    membership.heard([member('b', 'standby'), member('c', 'active')])
    assert.equal(made.at(-1)!.target.name, 'b', 'a standby it is again once another is named')
  })

  it('are not used for another incarnation, nor for another URL', (t) => {
    const { membership, made, standbys, member } = start(t)
    membership.heard([member('b', 'standby')])
    assert.notEqual(standbys.connect({ ...decisionFor('b', 2), incarnation: 'b-2' }, settled), made[0])
    assert.notEqual(standbys.connect({ ...decisionFor('b', 2), url: 'http://c' }, settled), made[0])
    assert.notEqual(standbys.connect({ ...decisionFor('b', 2), incarnation: null, name: null }, settled), made[0])
  })

  it('end with their standby', (t) => {
    const { membership, made, member } = start(t)
    membership.heard([member('b', 'standby')])
    membership.heard([])
    assert.ok(made[0]!.destroyed)
  })

  it('are kept for few standbys: the heaviest, as receivers prefer them', (t) => {
    const { membership, made, member } = start(t)
    membership.heard(Array.from({ length: 50 }, (_, index) => member(`b${index + 10}`, 'standby', index + 1)))
    assert.deepEqual(made.map(({ target }) => target.name).sort(), ['b56', 'b57', 'b58', 'b59'])
    assert.equal(made.length, standbysMax)
  })

  it('are kept to nobody whom a receiver would not name', (t) => {
    const { membership, made, member } = start(t)
    membership.register({ name: 'x', url: 'http://x' })
    membership.heard([{ ...member('b', 'standby'), exactlyOnce: false }, member('c', 'active')])
    assert.equal(made.length, 0)
  })
})

describe('connections to standbys over sockets', () => {
  const standbyOf = (backend: FakeBackend) => ({ ...memberOf(backend), phase: 'standby' as const, exactlyOnce: true })

  it('take the first requests after a failover, and no request before', async (t) => {
    const { a, b, follower, balancer, agent } = await startCluster(t)
    follower.tell([standbyOf(b)])
    await until(() => b.arrivals.length === standbyConnectionsMax, 'a sign of life on each')
    assert.equal((await send(balancer.url, agent, { path: '/before' })).headers['x-heartline-backend'], 'a')
    assert.equal(b.requests.length, 0)
    const open = new Set(b.sockets)
    a.kill()
    const replies = Array.from({ length: standbyConnectionsMax }, () => send(balancer.url, agent, { path: '/after' }))
    follower.decide(b.decision(2))
    for (const reply of replies) assert.equal((await reply).headers['x-heartline-backend'], 'b')
    assert.deepEqual(new Set(b.sockets), open, 'no connection was opened for them')
  })

  it('are used before others are made for what waits too', async (t) => {
    const { b } = await startCluster(t)
    let settled = 0
    const pool = new BackendPool(targetOf(b), () => undefined)
    t.after(() => pool.destroy())
    pool.stayOpen(2)
    await until(() => pool.heard === 2, 'a sign of life on both')
    await turn()
    pool.use(() => settled++)
    assert.equal(pool.crowded, false)
    for (const path of ['/1', '/2']) {
      const outgoing = { method: 'GET', path, headers: [], body: null }
      pool.dispatch(pool.prepare(outgoing, deaf, 0), outgoing)
    }
    assert.equal(pool.crowded, true)
    await until(() => !pool.crowded, 'the others may go')
    assert.equal(settled, 1, 'and it is said that they may')
  })

  it('that are being made, and never will be, are in nobody’s way when their standby is named', async (t) => {
    const { b } = await startCluster(t)
    const pool = new BackendPool({ ...targetOf(b), url: `http://127.0.0.1:${await blackHole(t)}` }, () => undefined)
    t.after(() => pool.destroy())
    pool.stayOpen(300)
    pool.use(() => undefined)
    assert.deepEqual([pool.crowded, pool.full], [false, false])
  })

  it('that cannot be made say nothing about anybody', async (t) => {
    const { follower, logs, send: request } = await startCluster(t)
    const gone = new FakeBackend('gone', new Journal())
    await gone.listen()
    const member = standbyOf(gone)
    gone.kill()
    follower.tell([member])
    assert.equal((await request({ path: '/x' })).status, 200)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.deepEqual(follower.reports, [])
    assert.deepEqual(
      logs.filter(({ level }) => Number(level) > 30),
      [],
    )
  })
})
