import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Relay } from './relay.ts'

/** Long enough for anything that is on its way over loopback. */
const settledMs = 50

/** A server that says what it hears, a relay to it, and what both ends have heard. */
async function open(t: TestContext) {
  const sockets: Socket[] = []
  const heard: string[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    socket.on('data', (data) => {
      heard.push(`${data}`)
      socket.write(`heard ${data}`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const relay = await Relay.open('127.0.0.1', { host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  t.after(async () => {
    await relay.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const dial = async () => {
    const socket = connect(relay.end)
    t.after(() => socket.destroy())
    const answers: string[] = []
    socket.on('data', (data) => answers.push(`${data}`)).on('error', () => {})
    await once(socket, 'connect')
    return { socket, answers }
  }
  return { relay, heard, sockets, dial }
}

test('what is sent arrives, both ways', async (t) => {
  const { heard, dial } = await open(t)
  const { socket, answers } = await dial()
  socket.write('one')
  await once(socket, 'data')
  assert.deepEqual([heard, answers], [['one'], ['heard one']])
})

test('a silent direction keeps back, and gives when it is healed', async (t) => {
  const { relay, heard, dial } = await open(t)
  const { socket, answers } = await dial()
  relay.silence('back')
  socket.write('one')
  await sleep(settledMs)
  assert.deepEqual([heard, answers], [['one'], []])
  relay.silence('there')
  socket.write('two')
  await sleep(settledMs)
  assert.deepEqual(heard, ['one'])
  relay.heal()
  await sleep(settledMs)
  assert.deepEqual([heard.join(), answers.join('')], ['one,two', 'heard oneheard two'])
})

test('who dials meanwhile is taken, and hears nothing until it is healed', async (t) => {
  const { relay, sockets, dial } = await open(t)
  relay.silence('there')
  const { socket, answers } = await dial()
  socket.write('one')
  await sleep(settledMs)
  assert.deepEqual([sockets.length, answers], [0, []])
  relay.heal()
  await once(socket, 'data')
  assert.deepEqual(answers, ['heard one'])
})

test('an end is not told into silence, and is told when it is healed', async (t) => {
  const { relay, sockets, dial } = await open(t)
  const { socket } = await dial()
  socket.write('one')
  await once(socket, 'data')
  relay.silence('back')
  sockets[0]!.destroy()
  await sleep(settledMs)
  assert.equal(socket.readyState, 'open')
  const closed = once(socket, 'close')
  relay.heal()
  await closed
})

test('a reset is seen at both ends', async (t) => {
  const { relay, sockets, dial } = await open(t)
  const { socket } = await dial()
  socket.write('one')
  await once(socket, 'data')
  const errors = [socket, sockets[0]!].map((end) => new Promise((resolve) => end.once('close', resolve)))
  assert.equal(relay.reset(), 1)
  await Promise.all(errors)
  assert.equal(relay.reset(), 0)
})
