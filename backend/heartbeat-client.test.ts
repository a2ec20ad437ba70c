import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LeaseGrant } from '../checkpoint/lease.ts'
import { capturedLog } from '../heartbeat-receiver/captured-log.ts'
import { goodbyeSchema } from '../heartbeat-receiver/protocol.ts'
import { VirtualPorts, type VirtualSocket } from '../heartbeat-receiver/virtual-ports.ts'
import { type HeartbeatOptions, type HeartbeatStatus, startHeartbeats } from './heartbeat-client.ts'

const hello = { name: 'a', incarnation: 'a-1', url: 'http://a:1', weight: 2, direct: true, exactlyOnce: true }
const status: HeartbeatStatus = {
  ...{ phase: 'standby', reign: [0, 0], journalReign: [3, 1], offset: 17, lag: 0, unsettledMs: 0 },
  ...{ journalReachable: true, inFlight: 0, eventLoopDelayMs: 1 },
}
const nameTaken = { code: 4409, reason: 'a is alive' }
const cutOff = { code: 1006, reason: 'connection lost' }

function start(options: Partial<HeartbeatOptions> = {}) {
  const ports = new VirtualPorts()
  const { log, lines } = capturedLog()
  const led: number[] = []
  const refusals: string[] = []
  const heartbeats = startHeartbeats({
    ...{ receivers: ['ws://r1'], hello, log, ports, status: () => status },
    onLead: (epoch) => led.push(epoch),
    onRefused: ({ code, message }) => refusals.push(`${code}: ${message}`),
    ...options,
  })
  ports.run(0)
  return { ports, heartbeats, led, refusals, lines }
}
function welcome(socket: VirtualSocket, heartbeatIntervalMs = 100): void {
  if (socket.state === 'connecting') socket.open()
  socket.hear({ type: 'welcome', version: 1, heartbeatIntervalMs, epoch: 0 })
}
const lead = (epoch: number, incarnation = 'a-1') => ({ type: 'lead', shard: 0, epoch, incarnation })
const types = (socket: VirtualSocket) => socket.take().map(({ type }) => type)
/** Lets time pass with a receiver that answers. */
function answer(ports: VirtualPorts, forMs: number): void {
  for (let ms = 0; ms < forMs; ms += 100) {
    ports.run(100)
    ports.last.hear({ type: 'ack', sequence: 1, epoch: 0 })
  }
}

describe('heartbeat client', () => {
  it('says hello, and heartbeats at the interval it is told, the first at once', () => {
    const { ports, heartbeats } = start({ token: 'secret' })
    ports.last.open()
    assert.deepEqual(ports.last.take(), [{ type: 'hello', version: 1, ...hello, token: 'secret' }])
    ports.run(500)
    assert.deepEqual(types(ports.last), [])
    assert.ok(!heartbeats.connected)
    welcome(ports.last)
    assert.ok(heartbeats.connected)
    assert.deepEqual(ports.last.take(), [{ type: 'heartbeat', sequence: 1, ...status }])
    ports.run(1_000)
    assert.deepEqual(
      ports.last.take().map(({ sequence }) => sequence),
      [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    )
  })

  it('takes a new interval at any time', () => {
    const { ports } = start()
    welcome(ports.last)
    welcome(ports.last, 400)
    ports.last.take()
    ports.run(1_000)
    assert.equal(types(ports.last).length, 2)
  })

  it('says at once that its status has changed; the next heartbeat comes an interval later', () => {
    const { ports, heartbeats } = start()
    welcome(ports.last)
    ports.last.take()
    ports.run(60)
    heartbeats.statusChanged()
    assert.equal(types(ports.last).length, 1)
    ports.run(99)
    assert.equal(types(ports.last).length, 0)
    ports.run(1)
    assert.equal(types(ports.last).length, 1)
  })

  it('hands on each epoch once, in rising order, and only its own incarnation', () => {
    const { ports, led } = start({ receivers: ['ws://r1', 'ws://r2'] })
    for (const socket of ports.sockets) {
      welcome(socket)
      for (const epoch of [4, 4, 3, 6]) socket.hear(lead(epoch))
      socket.hear(lead(9, 'a-0'))
    }
    assert.deepEqual(led, [4, 6])
  })

  it('refuses, and again when it is asked the same once more', () => {
    const { ports, heartbeats, led } = start({ onLead: () => undefined })
    welcome(ports.last)
    ports.last.hear(lead(4))
    heartbeats.refuse(4, 'not well')
    ports.last.take()
    ports.last.hear(lead(4))
    assert.deepEqual(ports.last.take(), [{ type: 'refuse', epoch: 4, reason: 'not well' }])
    assert.deepEqual(led, [])
  })

  it('connects and says hello again after a loss, and heartbeats on', () => {
    const { ports } = start()
    welcome(ports.last)
    ports.last.lose(cutOff)
    ports.run(50)
    ports.last.open()
    assert.deepEqual(types(ports.last), ['hello'])
    welcome(ports.last)
    answer(ports, 1_000)
    assert.equal(types(ports.last).length, 11)
  })

  it('leaves a receiver that does not answer', () => {
    const { ports } = start()
    welcome(ports.last)
    answer(ports, 5_000)
    assert.equal(ports.sockets.length, 1)
    ports.run(1_200)
    assert.equal(ports.sockets.length, 2)
  })

  it('heartbeats to all receivers, and goes on with those that are left', () => {
    const { ports, heartbeats } = start({ receivers: ['ws://r1', 'ws://r2'] })
    const [first, second] = ports.sockets as [VirtualSocket, VirtualSocket]
    welcome(first)
    welcome(second)
    first.lose(cutOff)
    second.take()
    ports.run(500)
    assert.equal(types(second).length, 5)
    assert.ok(heartbeats.connected)
  })

  it('asks again for a taken name for five seconds, then gives up with the reason', () => {
    const { ports, refusals } = start()
    while (refusals.length === 0 && ports.now() < 60_000) {
      ports.last.open()
      ports.last.lose(nameTaken)
      ports.run(1_000)
    }
    assert.deepEqual(refusals, ['REFUSED_BY_RECEIVER: the receiver at ws://r1/heartbeats refuses: a is alive'])
    assert.ok(ports.now() >= 5_000 && ports.now() <= 7_000, `${ports.now()}`)
    assert.equal(ports.waiting, 0)
  })

  it('forgets that its name was taken once it is welcome', () => {
    const { ports, refusals } = start()
    ports.last.open()
    ports.last.lose(nameTaken)
    ports.run(100)
    welcome(ports.last)
    answer(ports, 10_000)
    ports.last.lose(nameTaken)
    assert.deepEqual(refusals, [])
  })

  for (const [code, reason] of [
    [3000, 'wrong or missing token'],
    [4426, 'version 1 is not supported'],
  ] as const) {
    it(`gives up at once when refused with ${code}`, () => {
      const { ports, refusals } = start()
      ports.last.open()
      ports.last.lose({ code, reason })
      ports.run(60_000)
      assert.deepEqual(refusals, [`REFUSED_BY_RECEIVER: the receiver at ws://r1/heartbeats refuses: ${reason}`])
      assert.equal(ports.sockets.length, 1)
    })
  }

  it('says of a crash what was read last, and no longer a reason than is taken', () => {
    const { ports, heartbeats } = start()
    welcome(ports.last)
    ports.last.take()
    heartbeats.close('x'.repeat(999), { lastLines: ['the end'] })
    const [goodbye] = ports.last.take()
    assert.deepEqual(goodbye, { type: 'goodbye', reason: 'x'.repeat(512), crashed: true, lastLines: ['the end'] })
    goodbyeSchema.parse(goodbye)
  })

  it('hears which epoch is in force, with its welcome and with every answer', () => {
    const epochs: number[] = []
    const { ports } = start({ onEpoch: (epoch) => epochs.push(epoch) })
    welcome(ports.last)
    ports.last.hear({ type: 'ack', sequence: 1, epoch: 8 })
    ports.last.hear({ type: 'lead', shard: 0, epoch: 9, incarnation: 'a-1' })
    assert.deepEqual(epochs.slice(-1), [8])
    assert.equal(epochs.length, 2)
  })

  it('counts a lease from when the heartbeat was sent that the grant answers, by both clocks', () => {
    const leases: LeaseGrant[] = []
    let wallMs = 5_000
    const { ports } = start({ onLease: (lease) => leases.push(lease), wall: () => wallMs })
    ports.run(40)
    welcome(ports.last)
    wallMs = 9_000
    ports.run(150)
    const lease = { epoch: 3, forMs: 200 }
    ports.last.hear({ type: 'ack', sequence: 2, epoch: 3, lease })
    assert.deepEqual(leases, [{ ...lease, sentAt: { monotonicMs: 140, wallMs: 9_000 } }])
  })

  it('takes no lease with an answer to what it never sent, has answered for, or sent over another connection', () => {
    const leases: LeaseGrant[] = []
    const { ports } = start({ onLease: (lease) => leases.push(lease) })
    const grant = (sequence: number) => ({ type: 'ack', sequence, epoch: 3, lease: { epoch: 3, forMs: 200 } })
    welcome(ports.last)
    ports.run(200)
    ports.last.hear(grant(4))
    assert.equal(leases.length, 0)
    ports.last.hear(grant(3))
    for (const sequence of [1, 2, 3]) ports.last.hear(grant(sequence))
    assert.equal(leases.length, 1)
    const before = ports.last
    before.lose(cutOff)
    ports.run(50)
    welcome(ports.last)
    before.hear(grant(1))
    assert.equal(leases.length, 1)
  })

  it('remembers no more than 64 unanswered heartbeats', () => {
    const leases: LeaseGrant[] = []
    const { ports, heartbeats } = start({ onLease: (lease) => leases.push(lease) })
    welcome(ports.last)
    for (let more = 0; more < 64; more++) heartbeats.statusChanged()
    ports.last.hear({ type: 'ack', sequence: 1, epoch: 3, lease: { epoch: 3, forMs: 200 } })
    assert.equal(leases.length, 0)
    ports.last.hear({ type: 'ack', sequence: 2, epoch: 3, lease: { epoch: 3, forMs: 200 } })
    assert.equal(leases.length, 1)
  })

  it('hears grants of every receiver, each from its own heartbeat', () => {
    const leases: LeaseGrant[] = []
    const { ports } = start({ receivers: ['ws://r1', 'ws://r2'], onLease: (lease) => leases.push(lease) })
    const [first, second] = ports.sockets as [VirtualSocket, VirtualSocket]
    welcome(first)
    ports.run(30)
    welcome(second)
    for (const socket of [second, first])
      socket.hear({ type: 'ack', sequence: 1, epoch: 3, lease: { epoch: 3, forMs: 200 } })
    assert.deepEqual(
      leases.map(({ sentAt }) => sentAt.monotonicMs),
      [30, 0],
    )
  })

  it('says that it has yielded, to who asked, once the lease is given up', () => {
    const yielded: number[] = []
    const { ports } = start({
      receivers: ['ws://r1', 'ws://r2'],
      onYield: (epoch) => {
        assert.deepEqual(types(ports.sockets[1]!), ['hello', 'heartbeat'], 'not before')
        yielded.push(epoch)
      },
    })
    for (const socket of ports.sockets) welcome(socket)
    ports.sockets[0]!.take()
    ports.sockets[1]!.hear({ type: 'yield', epoch: 7 })
    assert.deepEqual(yielded, [7])
    assert.deepEqual(ports.sockets[1]!.take(), [{ type: 'yielded', epoch: 7 }])
    assert.deepEqual(ports.sockets[0]!.take(), [])
  })

  it('hands on that it is to drain, and no epoch with it', () => {
    const told: boolean[] = []
    const epochs: unknown[] = []
    const { ports } = start({ onDrain: (draining) => told.push(draining), onEpoch: (epoch) => epochs.push(epoch) })
    welcome(ports.last)
    ports.last.hear({ type: 'drain', draining: true })
    ports.last.hear({ type: 'drain', draining: false })
    ports.last.hear({ type: 'drain' })
    assert.deepEqual([told, epochs], [[true, false], [0]])
  })

  it('says goodbye at its close, and leaves nothing behind', () => {
    const { ports, heartbeats } = start()
    welcome(ports.last)
    ports.last.take()
    heartbeats.close('stopped by SIGTERM')
    assert.deepEqual(ports.last.take(), [{ type: 'goodbye', reason: 'stopped by SIGTERM' }])
    ports.run(60_000)
    assert.deepEqual([ports.sockets.length, ports.waiting, ports.last.state], [1, 0, 'closed'])
  })

  it('calls back before each regular heartbeat, and stops if that closes it', () => {
    let calls = 0
    const { ports, heartbeats } = start({
      onHeartbeat: () => {
        if (++calls === 3) heartbeats.close()
      },
    })
    welcome(ports.last)
    ports.run(1_000)
    assert.equal(calls, 3)
    assert.deepEqual(types(ports.last), ['hello', 'heartbeat', 'heartbeat', 'heartbeat', 'goodbye'])
  })

  it('says once what it waits for', () => {
    const { ports, lines } = start()
    for (let tenth = 0; tenth < 50; tenth++) {
      if (ports.last.state === 'connecting') ports.last.lose({ code: 1006, reason: 'connection refused' })
      ports.run(100)
    }
    const said = lines.filter(({ level }) => level >= 30).map(({ msg }) => msg)
    assert.deepEqual(said, ['waiting for a receiver: ws://r1/heartbeats (connection refused)'])
  })

  it('never puts the token in the log', () => {
    const { ports, lines } = start({ token: 'hush-hush' })
    ports.last.open()
    ports.last.lose({ code: 3000, reason: 'wrong or missing token' })
    assert.ok(!JSON.stringify(lines).includes('hush-hush'))
  })
})
