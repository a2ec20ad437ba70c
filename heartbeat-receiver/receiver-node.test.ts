import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { createMemoryLog, memoryJournal } from '../checkpoint/index.ts'
import type { Time } from '../checkpoint/time.ts'
import { VirtualTime } from '../checkpoint/virtual-time.ts'
import { capturedLog } from './captured-log.ts'
import { tickMs } from './events.ts'
import type { Heartbeat, ReceiverEvent, ToBackend } from './protocol.ts'
import { ReceiverNode, type ReceiverPorts } from './receiver-node.ts'
import { heartbeatOf, helloOf } from './test-receiver.ts'

/** Turns of an event loop, by hand: timers, then what arrived, then what was to come after it. */
class HandTime implements Time {
  nowMs = 0
  readonly #ticks: (() => void)[] = []
  #soon: (() => void)[] = []

  now(): number {
    return this.nowMs
  }
  wall(): number {
    return this.nowMs
  }
  after(): () => void {
    return () => undefined
  }
  every(intervalMs: number, callback: () => void): () => void {
    if (intervalMs === tickMs) this.#ticks.push(callback)
    return () => undefined
  }
  soon(callback: () => void): void {
    this.#soon.push(callback)
  }

  turn(atMs: number, arrives: () => void): void {
    this.nowMs = atMs
    for (const tick of this.#ticks) tick()
    arrives()
    for (const callback of this.#soon.splice(0)) callback()
  }
}

function startNode(
  t: TestContext,
  ports: Partial<ReceiverPorts> = {},
): { node: ReceiverNode; time: HandTime; events: ReceiverEvent[] } {
  const time = new HandTime()
  const events: ReceiverEvent[] = []
  const nothing = () => undefined
  const node = new ReceiverNode({
    ...{ name: 'r', incarnation: 'r-1', url: () => 'ws://127.0.0.1:1', heartbeatMs: 100, peers: [], time },
    journal: memoryJournal(),
    ...{ random: () => 0, log: capturedLog().log, dial: () => assert.fail('it has no peers') },
    ports: {
      ...{ send: nothing, close: nothing, broadcast: nothing, tell: nothing, tellAll: nothing, tellPeers: nothing },
      ...{ probe: async () => 'connected', failedOver: nothing, leads: nothing, failed: nothing },
      publish: (event) => events.push(event),
      ...ports,
    },
  })
  node.start()
  t.after(() => node.close())
  return { node, time, events }
}

it('a heartbeat that has arrived is read before the silence is judged that it ends', (t) => {
  const { node, time, events } = startNode(t)
  const beat = (sequence: number) =>
    node.take({ type: 'heartbeat', connection: 1, heartbeat: heartbeatOf({ sequence }) })
  node.take({ type: 'hello', connection: 1, hello: helloOf('a') })
  beat(1)
  const lastMs = 200
  for (let atMs = tickMs; atMs <= lastMs; atMs += tickMs) time.turn(atMs, () => undefined)
  time.turn(lastMs + tickMs, () => beat(2))
  assert.deepEqual(
    events.map(({ type }) => type),
    ['joined'],
  )
  for (let atMs = lastMs + 2 * tickMs; atMs <= 1_000; atMs += tickMs) time.turn(atMs, () => undefined)
  assert.deepEqual(
    events.map(({ type }) => type),
    ['joined', 'suspected', 'left'],
  )
})

it('what was decided is told before a person is told of the crashes', async (t) => {
  const told: string[] = []
  const { node, time } = startNode(t, {
    send: (_, { type }) => void (type === 'lead' && told.push(type)),
    broadcast: ({ type }) => void (type === 'decided' && told.push(type)),
    happened: ({ type }) => void (type === 'decided' && told.push('happened')),
    crashed: ({ name }) => {
      told.push(`crashed ${name}`)
      return { happened: '', done: '', advice: '' }
    },
  })
  let sequence = 0
  const beat = (connections: number[]) => {
    sequence++
    for (const connection of connections)
      node.take({ type: 'heartbeat', connection, heartbeat: heartbeatOf({ sequence }) })
  }
  const turn = async (connections: number[]) => {
    time.turn(time.nowMs + tickMs, () => beat(connections))
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (let count = 0; count < 1_000 && !node.leads; count++) await turn([])
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    node.take({ type: 'hello', connection: index + 1, hello: helloOf(name, { incarnation: `${name}-1` }) })
    await turn([1])
  }
  for (let count = 0; count < 20; count++) await turn([1, 2, 3])
  told.splice(0)
  for (let count = 0; count < 100; count++) await turn([3])
  const once = told.filter((what) => what !== 'lead') // that is said again and again, as nobody here takes it
  assert.deepEqual(once, ['decided', 'happened', 'crashed b', 'crashed a'])
})

it('one that is started anew with a shorter heartbeat waits for the leases that were granted under the longer one', async (t) => {
  const time = new VirtualTime()
  const journal = createMemoryLog()
  const heard: { atMs: number; connection: number; message: ToBackend }[] = []
  const nothing = () => undefined
  const start = (incarnation: string, heartbeatMs: number) => {
    const node = new ReceiverNode({
      ...{ name: 'r', incarnation, url: () => 'ws://127.0.0.1:1', heartbeatMs, peers: [], time },
      journal: memoryJournal(journal, time),
      ...{ random: () => 0, log: capturedLog().log, dial: () => assert.fail('it has no peers') },
      ports: {
        ...{ close: nothing, broadcast: nothing, tell: nothing, tellAll: nothing, tellPeers: nothing },
        ...{ probe: async () => 'connected', failedOver: nothing, leads: nothing, failed: nothing, publish: nothing },
        send: (connection, message) => heard.push({ atMs: time.now(), connection, message }),
      },
    })
    node.start()
    t.after(() => node.close())
    return node
  }
  const beat = (node: ReceiverNode, connection: number, more: Partial<Heartbeat> = {}) =>
    node.take({ type: 'heartbeat', connection, heartbeat: heartbeatOf(more) })
  const serves = { phase: 'active', reign: [1, 0], journalReign: [1, 0] } satisfies Partial<Heartbeat>

  const slow = start('r-1', 1_000)
  slow.take({ type: 'hello', connection: 1, hello: helloOf('x') })
  beat(slow, 1)
  await time.run(1_000)
  beat(slow, 1, serves)
  const granted = heard.at(-1)!
  assert.deepEqual((granted.message as { lease?: unknown }).lease, { epoch: 1, forMs: 2_000 })
  await slow.close()

  heard.splice(0)
  const quick = start('r-2', 100)
  for (const [connection, name] of [
    [1, 'x'],
    [2, 'y'],
  ] as const)
    quick.take({ type: 'hello', connection, hello: helloOf(name) })
  beat(quick, 1, serves) // and then it is silent
  time.every(100, () => beat(quick, 2))
  await time.run(5_000)
  const named = heard.find(({ connection, message }) => connection === 2 && message.type === 'lead')
  assert.ok(named, 'y is named in the end')
  assert.ok(
    named.atMs >= granted.atMs + 2_000,
    `y was named ${named.atMs - granted.atMs} ms after x got a lease of 2 s`,
  )
})
