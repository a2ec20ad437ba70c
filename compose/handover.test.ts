/** The command's conversation with receivers, in virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { HandedOver } from '../heartbeat-receiver/protocol.ts'
import { VirtualPorts, type VirtualSocket } from '../heartbeat-receiver/virtual-ports.ts'
import { describeHandover, handOver } from './handover.ts'

const log = pino({ level: 'silent' })
const done: HandedOver = { shard: 0, from: 'a', to: 'b', epoch: 4, tookMs: 12.3 }

function begin(receivers: string[], to?: string) {
  const ports = new VirtualPorts()
  const ending = new AbortController()
  const result = handOver({ receivers, to, token: undefined }, log, ending.signal, ports)
  result.catch(() => undefined)
  ports.run(0)
  return { ports, result, ending, sockets: ports.sockets }
}
function greet(socket: VirtualSocket, leads?: boolean): void {
  if (socket.state === 'connecting') socket.open()
  const said = leads === undefined ? {} : { leads }
  socket.hear({ type: 'decisions', decisions: [], intervalMs: 1_000, ...said })
}
const asked = (socket: VirtualSocket) => socket.take().filter(({ type }) => type === 'hand-over')

test('the receiver that leads is asked, once, and its answer is the result', async () => {
  const { result, sockets } = begin(['ws://r1', 'ws://r2'], 'b')
  greet(sockets[0]!, false)
  assert.deepEqual(asked(sockets[0]!), [])
  greet(sockets[1]!, true)
  greet(sockets[1]!, true)
  assert.deepEqual(asked(sockets[1]!), [{ type: 'hand-over', shard: 0, to: 'b' }])
  sockets[0]!.hear({ type: 'handed-over', shard: 0, from: null, to: null, epoch: 0, tookMs: 0, failure: 'not-leading' })
  sockets[1]!.hear({ type: 'handed-over', ...done })
  assert.deepEqual(await result, done)
  assert.deepEqual(
    sockets.map(({ state }) => state),
    ['closed', 'closed'],
  )
})

test('one that does not say whether it leads knows no others, and does', async () => {
  const { result, sockets } = begin(['ws://r1'])
  greet(sockets[0]!)
  assert.deepEqual(asked(sockets[0]!), [{ type: 'hand-over', shard: 0 }])
  sockets[0]!.hear({ type: 'handed-over', ...done })
  await result
})

test('when the leadership changes meanwhile, the new leader is asked', async () => {
  const { result, sockets } = begin(['ws://r1', 'ws://r2'])
  for (const [index, socket] of sockets.entries()) greet(socket, index === 0)
  for (const socket of sockets) {
    socket.take()
    socket.hear({ type: 'handed-over', shard: 0, from: null, to: null, epoch: 0, tookMs: 0, failure: 'not-leading' })
  }
  greet(sockets[1]!, true)
  assert.equal(asked(sockets[1]!).length, 1)
  sockets[1]!.hear({ type: 'handed-over', ...done })
  assert.deepEqual(await result, done)
})

test('what is waited for has a bound, and the error says what was missing', async () => {
  const silent = begin(['ws://r1', 'ws://r2'])
  silent.ports.run(3_000)
  await assert.rejects(silent.result, { code: 'NO_RECEIVER', message: 'no receiver answers: ws://r1, ws://r2' })

  const idle = begin(['ws://r1'])
  greet(idle.sockets[0]!, false)
  idle.ports.run(3_000)
  await assert.rejects(idle.result, { code: 'NO_RECEIVER', message: /^no receiver leads yet/ })

  const mute = begin(['ws://r1'])
  greet(mute.sockets[0]!, true)
  for (let second = 0; second < 10; second++) {
    mute.ports.run(1_000)
    greet(mute.sockets[0]!, true)
  }
  await assert.rejects(mute.result, { code: 'NOT_IN_TIME' })
  for (const { ports } of [silent, idle, mute]) assert.equal(ports.waiting, 0, 'nothing is left behind')
})

test('a failure is a result of its own, and an abort ends the waiting', async () => {
  const failed = begin(['ws://r1'])
  greet(failed.sockets[0]!, true)
  failed.sockets[0]!.hear({ type: 'handed-over', ...done, to: null, failure: 'unknown-name' })
  assert.equal((await failed.result).failure, 'unknown-name')

  const aborted = begin(['ws://r1'])
  aborted.ending.abort(new Error('enough'))
  await assert.rejects(aborted.result, { message: 'enough' })
})

test('while nobody is ready it is asked again, for two seconds', async () => {
  const { ports, result, sockets } = begin(['ws://r1'])
  const [socket] = sockets as [VirtualSocket]
  greet(socket, true)
  const refuse = () =>
    socket.hear({ type: 'handed-over', ...done, to: null, failure: 'not-ready', reason: 'b is behind' })
  let times = 0
  for (let tenth = 0; tenth <= 20; tenth++) {
    times += asked(socket).length
    refuse()
    ports.run(100)
  }
  assert.equal(times, 21)
  assert.deepEqual([(await result).reason, ports.waiting], ['b is behind', 0])

  const patient = begin(['ws://r1'])
  greet(patient.sockets[0]!, true)
  patient.sockets[0]!.hear({ type: 'handed-over', ...done, to: null, failure: 'no-successor' })
  patient.ports.run(100)
  assert.equal(asked(patient.sockets[0]!).length, 2)
  patient.sockets[0]!.hear({ type: 'handed-over', ...done })
  assert.deepEqual(await patient.result, done)
})

test('the sentence says who leads, in whose place, and how long it took', () => {
  assert.equal(describeHandover(done), 'b is active in place of a, epoch 4; it took 12 ms')
  assert.equal(describeHandover({ ...done, tookMs: 3.21 }), 'b is active in place of a, epoch 4; it took 3.2 ms')
})
