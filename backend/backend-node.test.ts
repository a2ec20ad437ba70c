/** A backend without its server, in virtual time: what it does upon the receivers' word, and what it tells them. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createMemoryLog, type MemoryLog, memoryJournal } from '../checkpoint/index.ts'
import { VirtualTime } from '../checkpoint/virtual-time.ts'
import { capturedLog } from '../heartbeat-receiver/captured-log.ts'
import type { Phase } from '../heartbeat-receiver/protocol.ts'
import { VirtualSocket } from '../heartbeat-receiver/virtual-ports.ts'
import { BackendNode, type BackendNodeOptions } from './backend-node.ts'

const intervalMs = 100

/** A backend, and the receiver's end of its connection. */
interface Joined {
  readonly node: BackendNode
  readonly socket: VirtualSocket
  /** Phases as told by heartbeats. */
  phases(): Phase[]
}

class World {
  readonly time = new VirtualTime()
  readonly log: MemoryLog = createMemoryLog()
  readonly lines
  readonly failures: unknown[] = []
  readonly #logger

  constructor(t: TestContext) {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] }) // whoever waits for these waits for ever
    const { log, lines } = capturedLog()
    this.#logger = log
    this.lines = lines
  }

  make(name: string, more: Partial<BackendNodeOptions> = {}): { node: BackendNode; sockets: VirtualSocket[] } {
    const sockets: VirtualSocket[] = []
    const { time } = this
    const node = new BackendNode({
      ...{ name, incarnation: `${name}-1`, url: () => `http://${name}`, weight: 1, direct: true },
      ...{ receivers: ['ws://r'], log: this.#logger, time, journal: memoryJournal(this.log, time) },
      ports: {
        dial(url, handlers) {
          const socket = new VirtualSocket(url, handlers)
          sockets.push(socket)
          return socket
        },
        after: (delayMs, callback) => time.after(delayMs, callback),
        now: () => time.now(),
        random: () => 1,
      },
      random: () => 0.5,
      onFailed: (error) => this.failures.push(error),
      ...more,
    })
    return { node, sockets }
  }

  /** A standby that has caught up, and is welcome. */
  async join(name: string, more: Partial<BackendNodeOptions> = {}): Promise<Joined> {
    const { node, sockets } = this.make(name, more)
    node.join()
    await this.time.run(0)
    const socket = sockets[0]!
    socket.open()
    socket.hear({ type: 'welcome', version: 1, heartbeatIntervalMs: intervalMs, epoch: 0 })
    await this.time.run(500)
    assert.equal(node.checkpoint.phase, 'standby')
    const phases = () => socket.take().flatMap(({ type, phase }) => (type === 'heartbeat' ? [phase as Phase] : []))
    return { node, socket, phases }
  }

  lead({ node, socket }: Joined, epoch: number): void {
    socket.hear({ type: 'lead', shard: 0, epoch, incarnation: `${node.name}-1` })
  }
}

test('it tells of each change of phase at once, from its start to its reign', async (t) => {
  const world = new World(t)
  const { node, sockets } = world.make('a')
  node.join()
  await world.time.run(0)
  sockets[0]!.open()
  sockets[0]!.hear({ type: 'welcome', version: 1, heartbeatIntervalMs: 60_000, epoch: 0 })
  await world.time.run(500)
  sockets[0]!.hear({ type: 'lead', shard: 0, epoch: 3, incarnation: 'a-1' })
  await world.time.run(500)
  const heartbeats = sockets[0]!.take().filter(({ type }) => type === 'heartbeat')
  assert.deepEqual(
    heartbeats.map(({ phase }) => phase),
    ['standby', 'claiming', 'active'],
  )
  assert.deepEqual(heartbeats.at(-1)!.reign, [3, 0])
})

test('it refuses to lead below what its journal shows, and says so', async (t) => {
  const world = new World(t)
  const first = await world.join('a')
  world.lead(first, 7)
  await world.time.run(500)
  const second = await world.join('b')
  second.socket.take()
  world.lead(second, 6)
  const refused = second.socket.take().find(({ type }) => type === 'refuse')
  assert.deepEqual(refused, { type: 'refuse', epoch: 6, reason: 'it is standby, and its journal shows epoch 7' })
})

test('a leading one that stops says goodbye first, and serves until the successor has claimed', async (t) => {
  const world = new World(t)
  const [first, second] = [await world.join('a'), await world.join('b')]
  world.lead(first, 1)
  await world.time.run(500)
  first.socket.take()
  let ended = false
  void first.node.close().then(() => {
    ended = true
  })
  assert.deepEqual(first.socket.take(), [{ type: 'goodbye', reason: 'stopped in order' }])
  await world.time.run(1_000)
  const seats = first.node.checkpoint.map<number>('seats')
  const written = first.node.checkpoint.transact(() => seats.set('s', 1))
  await world.time.run(100)
  await written
  assert.ok(!ended)
  world.lead(second, 2)
  await world.time.run(500)
  assert.ok(ended)
  assert.equal(
    second.node.checkpoint.stale(() => second.node.checkpoint.map('seats').get('s')),
    1,
  )
})

const grantOf = (sequence: number, epoch: number) => {
  return { type: 'ack', sequence, epoch, lease: { epoch, forMs: 2 * intervalMs } }
}
/** The receiver answers the heartbeat that was sent last. */
function grant({ socket }: Joined, epoch: number): void {
  const last = socket.sent.findLast(({ type }) => type === 'heartbeat')
  socket.hear(grantOf(last!.sequence as number, epoch))
}

test('what it is granted is a lease from when the heartbeat was sent on, for its own reign alone', async (t) => {
  const world = new World(t)
  const joined = await world.join('a')
  const { checkpoint } = joined.node
  world.lead(joined, 3)
  await world.time.run(450)
  assert.ok(!checkpoint.status().leased)
  const { time } = world
  const sequence = joined.socket.sent.findLast(({ type }) => type === 'heartbeat')!.sequence as number
  await time.run(90)
  joined.socket.hear(grantOf(sequence, 3))
  assert.ok(checkpoint.status().leased)
  await time.run(120)
  assert.ok(!checkpoint.status().leased, 'it has taken a while to come')
  grant(joined, 2)
  assert.ok(!checkpoint.status().leased)
  await time.run(100)
  grant(joined, 3)
  assert.ok(checkpoint.status().leased)
})

test('what it says that it has yielded it has given up before, and takes again under a higher epoch only', async (t) => {
  const world = new World(t)
  const joined = await world.join('a')
  const { checkpoint } = joined.node
  world.lead(joined, 3)
  await world.time.run(500)
  grant(joined, 3)
  assert.ok(checkpoint.status().leased)
  joined.socket.hear({ type: 'yield', epoch: 3 })
  assert.ok(!checkpoint.status().leased)
  assert.deepEqual(
    joined.socket.sent.filter(({ type }) => type === 'yielded'),
    [{ type: 'yielded', epoch: 3 }],
  )
  await world.time.run(100)
  grant(joined, 3)
  assert.ok(!checkpoint.status().leased)
  world.lead(joined, 4)
  await world.time.run(500)
  grant(joined, 4)
  assert.ok(checkpoint.status().leased)
})

test('a receiver that was deposed and says yield late ends no lease of a newer reign; it is answered all the same', async (t) => {
  const world = new World(t)
  const { node, sockets } = world.make('a', { receivers: ['ws://r', 'ws://deposed'] })
  node.join()
  await world.time.run(0)
  for (const socket of sockets) {
    socket.open()
    socket.hear({ type: 'welcome', version: 1, heartbeatIntervalMs: intervalMs, epoch: 0 })
  }
  await world.time.run(500)
  const [socket, deposed] = [sockets[0]!, sockets[1]!]
  const joined = { node, socket, phases: () => [] }
  world.lead(joined, 7)
  await world.time.run(500)
  grant(joined, 7)
  deposed.hear({ type: 'yield', epoch: 5 })
  assert.ok(node.checkpoint.status().leased)
  assert.deepEqual(deposed.sent.at(-1), { type: 'yielded', epoch: 5 })
  await world.time.run(100)
  grant(joined, 7)
  assert.ok(node.checkpoint.status().leased, 'nor those granted for it later')
  grant(joined, 5)
  deposed.hear({ type: 'yield', epoch: 7 })
  assert.ok(!node.checkpoint.status().leased)
})

test('an answer that names a higher epoch ends the lease', async (t) => {
  const world = new World(t)
  const joined = await world.join('a')
  world.lead(joined, 3)
  await world.time.run(500)
  grant(joined, 3)
  joined.socket.hear({ type: 'ack', sequence: 1_000, epoch: 4 })
  assert.ok(!joined.node.checkpoint.status().leased)
})

test('a leading one that stops has no lease when it says goodbye, though it goes on serving', async (t) => {
  const world = new World(t)
  const joined = await world.join('a')
  const { node, socket } = joined
  world.lead(joined, 3)
  await world.time.run(500)
  grant(joined, 3)
  let leasedAtGoodbye: boolean | undefined
  const send = socket.send.bind(socket)
  socket.send = (text) => {
    if (text.includes('goodbye')) leasedAtGoodbye = node.checkpoint.status().leased
    send(text)
  }
  void node.close()
  await world.time.run(100)
  assert.ok(node.checkpoint.leads)
  assert.equal(leasedAtGoodbye, false)
  const read = node.checkpoint.read(() => 1)
  await world.time.run(10)
  assert.equal(await read, 1)
})

test('one that leads and finds nobody to take over says so, and ends after two seconds', async (t) => {
  const world = new World(t)
  const { node, socket } = await world.join('a')
  world.lead({ node, socket, phases: () => [] }, 1)
  await world.time.run(500)
  let ended = false
  void node.close().then(() => {
    ended = true
  })
  await world.time.run(1_900)
  assert.ok(!ended)
  await world.time.run(200)
  assert.ok(ended)
  assert.ok(world.lines.some(({ msg }) => msg === 'nobody took over in time; stopping all the same'))
})

test('one that does not lead, or that no receiver hears, waits for nobody', async (t) => {
  const world = new World(t)
  const standby = await world.join('a')
  const alone = await world.join('b')
  world.lead(alone, 1)
  await world.time.run(500)
  alone.socket.lose({ code: 1006, reason: 'cut off' })
  for (const { node } of [standby, alone]) {
    let ended = false
    void node.close().then(() => {
      ended = true
    })
    await world.time.run(100)
    assert.ok(ended, node.checkpoint.status().phase)
  }
})

test('one that is closed before it joins never joins', async (t) => {
  const world = new World(t)
  const { node, sockets } = world.make('a')
  await node.close()
  node.join()
  await world.time.run(1_000)
  assert.equal(sockets.length, 0)
})

test('one that is closed while it catches up has not failed', async (t) => {
  const world = new World(t)
  const { node } = world.make('a')
  node.join()
  assert.equal(node.checkpoint.phase, 'starting')
  await node.close()
  await world.time.run(1_000)
  assert.deepEqual(world.failures, [])
})

test('one that is told to drain says so at once and with each heartbeat to every receiver, and follows on', async (t) => {
  const world = new World(t)
  const { node, socket } = await world.join('a')
  const hello = socket.take().find(({ type }) => type === 'hello')
  assert.deepEqual(hello?.takes, ['drain'])
  const draining = () => socket.take().flatMap((one) => (one.type === 'heartbeat' ? [one.draining] : []))
  socket.hear({ type: 'drain', draining: true })
  assert.deepEqual(draining(), [true])
  socket.hear({ type: 'drain', draining: true })
  assert.deepEqual(draining(), [], 'it is no news')
  await world.time.run(2 * intervalMs)
  assert.deepEqual(draining(), [true, true])
  assert.equal(node.checkpoint.phase, 'standby')
  socket.hear({ type: 'drain', draining: false })
  assert.deepEqual(draining(), [undefined])
  assert.equal(world.lines.filter(({ event }) => event === 'draining').length, 2)
})
