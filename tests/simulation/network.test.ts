import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { End } from './connection.ts'
import { Kernel } from './kernel.ts'
import { Network } from './network.ts'
import { SimProcess } from './process.ts'
import { streamOf } from './random.ts'

const clock = { rate: 1, wallMs: 0, stoodStillMs: 0 }

/** A client and a server that notes what it hears; `connect` tells what came of it. */
function started() {
  const kernel = new Kernel(false)
  const network = new Network(kernel, streamOf(1, 'network'), { latencyMs: [0.1, 3], slowShare: 0, slowMs: 0 })
  const client = new SimProcess(kernel, 'client', 'client#1', clock, 1)
  const server = new SimProcess(kernel, 'server', 'server#1', clock, 1)
  const heard: unknown[] = []
  const ends: { near?: End; far?: End } = {}
  network.listen('server:1', server, (far) => {
    ends.far = far
    return { onItem: (item) => heard.push(item), onClose: (code) => heard.push(`closed ${code}`) }
  })
  const told: unknown[] = []
  const connect = (timeoutMs = 1_000) =>
    network.connect(
      client,
      'server:1',
      timeoutMs,
      (near) => {
        ends.near = near
        told.push('connected')
        return { onItem: (item) => told.push(item), onClose: (code) => told.push(`closed ${code}`) }
      },
      (failure) => told.push(failure),
    )
  return { kernel, network, client, server, heard, told, ends, connect }
}

test('a connection keeps its order, whatever each message takes', () => {
  const { kernel, heard, ends, connect } = started()
  connect()
  kernel.run(50)
  const items = Array.from({ length: 50 }, (_, index) => index)
  for (const item of items) ends.near!.send(item)
  ends.near!.close(1000, '')
  kernel.run(500)
  assert.deepEqual(heard, [...items, 'closed 1000'])
})

test('who is dead refuses, who is stopped accepts and says nothing, who is off is silent', () => {
  const dead = started()
  dead.server.kill()
  dead.connect()
  dead.kernel.run(20)
  assert.deepEqual(dead.told, ['refused'])

  const stopped = started()
  stopped.server.stop()
  stopped.connect()
  stopped.kernel.run(20)
  assert.deepEqual([stopped.told, stopped.ends.far], [['connected'], undefined])

  const off = started()
  off.network.powerOff('server')
  off.server.kill()
  off.connect()
  off.kernel.run(2_000)
  assert.deepEqual(off.told, ['timed-out'])
})

test('a cut holds back what is sent until it is over, in its own direction', () => {
  const { kernel, network, heard, told, ends, connect } = started()
  connect()
  kernel.run(50)
  network.cut('client', 'server', 500)
  ends.near!.send('there')
  ends.far!.send('back')
  kernel.run(400)
  assert.deepEqual([heard, told], [[], ['connected', 'back']])
  kernel.run(1_000)
  assert.deepEqual(heard, ['there'])
})

test('a kill closes the connections of who is killed', () => {
  const { kernel, server, told, connect } = started()
  connect()
  kernel.run(50)
  server.kill()
  kernel.run(100)
  assert.deepEqual(told, ['connected', 'closed 1006'])
})

test('of a connection that a middlebox forgot one side may hear only when it says something', () => {
  const { kernel, network, heard, told, ends, connect } = started()
  connect()
  kernel.run(50)
  for (const connection of network.connections) connection.reset([null, 1])
  kernel.run(1_000)
  assert.deepEqual([heard, told], [['closed 1006'], ['connected']])
  ends.near!.send('anybody there?')
  kernel.run(1_100)
  assert.deepEqual([heard, told], [['closed 1006'], ['connected', 'closed 1006']])
})
