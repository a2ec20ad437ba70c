import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { probe } from './prober.ts'
import { deadUrl } from './test-receiver.ts'

async function listen(t: TestContext, onConnection: (socket: Socket, server: Server) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket, server)
  }).listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

describe('probe', () => {
  it('finds who listens, though it never says a word', async (t) => {
    assert.equal(await probe(await listen(t, () => undefined)), 'connected')
  })

  it('is refused where nobody listens', async () => {
    assert.equal(await probe(await deadUrl()), 'refused')
  })

  it('is refused by one that dies while it is probed: accepted, reset, and then the port is closed', async (t) => {
    const url = await listen(t, (socket, server) => {
      server.close()
      socket.resetAndDestroy()
    })
    assert.equal(await probe(url), 'refused')
  })

  it('finds one that closes every connection at once', async (t) => {
    assert.equal(await probe(await listen(t, (socket) => socket.end())), 'connected')
  })

  it('cannot reach a host that does not exist', async () => {
    assert.equal(await probe('http://no-such-host.invalid:80'), 'unreachable')
  })

  it('gives up when its time is over', async (t) => {
    assert.equal(await probe(await listen(t, () => undefined), 0), 'timed-out')
  })
})
