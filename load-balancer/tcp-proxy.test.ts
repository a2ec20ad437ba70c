import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { it, type TestContext } from 'node:test'
import { balancerOptions } from './config.ts'
import { startCluster, until } from './test-cluster.ts'

interface Peer {
  server: Server
  port: number
  sockets: Set<Socket>
}

/** A server of bytes; `serve` has each connection. */
async function startPeer(t: TestContext, serve: (socket: Socket) => void, port = 0): Promise<Peer> {
  const server = createServer({ allowHalfOpen: true }, serve)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { server, port: (server.address() as AddressInfo).port, sockets }
}

/** A cluster in TCP mode; its backends are none of HTTP but where decisions point. */
async function startTcp(t: TestContext, options: Record<string, unknown> = {}) {
  const cluster = await startCluster(t, { decided: false, options: { tcp: 0, ...options } })
  const { follower, a, balancer } = cluster
  let epoch = 0
  const decide = (name: string, port: number) => {
    epoch += 1
    follower.decide({ ...a.decision(epoch), name, incarnation: `${name}-${epoch}`, url: `http://127.0.0.1:${port}` })
  }
  const dial = async () => {
    const socket = connect({ port: balancer.tcpPort!, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined)
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  /** Resolves once a connection was closed that is not taken. */
  const refused = () =>
    closed(
      connect({ port: balancer.tcpPort!, host: '127.0.0.1' })
        .on('error', () => undefined)
        .resume(),
    )
  return { ...cluster, decide, dial, refused }
}

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.on('close', () => resolve()))
const named = (name: string) => (socket: Socket) => void socket.write(name)

it('a connection reaches the active, and the next active once another is decided', async (t) => {
  const [a, b] = [await startPeer(t, named('a')), await startPeer(t, named('b'))]
  const { decide, dial } = await startTcp(t)
  decide('a', a.port)
  const first = await dial()
  assert.equal(String((await once(first, 'data'))[0]), 'a')
  const cut = closed(first)
  decide('b', b.port)
  await cut
  await until(() => a.sockets.size === 0, 'the end at the deposed')
  assert.equal(String((await once(await dial(), 'data'))[0]), 'b')
})

it('a connection waits for an active, as long as requests do and as many as may', async (t) => {
  const a = await startPeer(t, named('a'))
  const { decide, dial, refused } = await startTcp(t, { holdTimeMs: 200, holdRequests: 1 })
  const startedMs = performance.now()
  const late = await dial()
  const over = closed(late)
  await refused()
  assert.ok(performance.now() - startedMs < 150, 'one too many is refused at once')
  await over
  assert.ok(performance.now() - startedMs >= 150)
  const early = await dial()
  const greeted = once(early, 'data')
  decide('a', a.port)
  assert.equal(String((await greeted)[0]), 'a')
})

it('an active that cannot be reached is tried again, and the receivers are told once', async (t) => {
  const gone = await startPeer(t, named('a'))
  gone.server.close()
  await once(gone.server, 'close')
  const { decide, dial, follower } = await startTcp(t)
  decide('a', gone.port)
  const socket = await dial()
  const greeted = once(socket, 'data')
  await until(() => follower.reports.length > 0, 'the report')
  assert.deepEqual(follower.reports[0], { incarnation: 'a-1', epoch: 1, kind: 'refused' })
  await startPeer(t, named('back'), gone.port)
  assert.equal(String((await greeted)[0]), 'back')
})

it('a half that ends is passed on, and the other goes on', async (t) => {
  const a = await startPeer(t, (socket) => {
    const hash = createHash('sha256')
    socket.on('data', (chunk) => hash.update(chunk))
    socket.on('end', () => socket.end(hash.digest('hex')))
  })
  const { decide, dial } = await startTcp(t)
  decide('a', a.port)
  const socket = await dial()
  const sent = randomBytes(3_000_000)
  socket.end(sent)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  assert.equal(answer, createHash('sha256').update(sent).digest('hex'))
  await until(() => a.sockets.size === 0, 'the end')
})

it('a peer that takes nothing is waited for with bounded memory', async (t) => {
  const a = await startPeer(t, (socket) => void socket.pause())
  const { decide, dial } = await startTcp(t)
  decide('a', a.port)
  const socket = await dial()
  const before = process.memoryUsage().arrayBuffers
  const part = Buffer.alloc(65_536)
  let taken = 0
  for (; taken < 4_000 && socket.writableLength < 1_000_000; taken++) {
    socket.write(part)
    if (taken % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.ok(taken < 4_000, 'the sender is held up')
  assert.ok(process.memoryUsage().arrayBuffers - before < 64_000_000)
})

for (const [who, leave] of [
  ['client', (client: Socket) => client.resetAndDestroy()],
  ['backend', (_client: Socket, peer: Peer) => void [...peer.sockets][0]!.resetAndDestroy()],
] as const) {
  it(`a ${who} that resets its connection resets the other's`, async (t) => {
    const a = await startPeer(t, named('a'))
    const { decide, dial } = await startTcp(t)
    decide('a', a.port)
    const socket = await dial()
    await once(socket, 'data')
    const over = closed(socket)
    leave(socket, a)
    await over
    await until(() => a.sockets.size === 0, 'the end at the backend')
  })
}

it('connections go to a port of their own if there is one, are limited, and end when the balancer stops', async (t) => {
  const a = await startPeer(t, named('a'))
  const { decide, dial, refused, stop, balancer } = await startTcp(t, { tcpBackendPort: a.port, connections: 2 })
  decide('a', 1)
  const sockets = [await dial(), await dial()]
  await Promise.all(sockets.map((socket) => once(socket, 'data')))
  await refused()
  const over = Promise.all(sockets.map(closed))
  stop()
  await Promise.all([over, balancer.done])
  assert.equal(a.sockets.size, 0)
})

it('TCP mode without receivers, or a port of backends without TCP mode, is a mistake', () => {
  for (const [options, key] of [
    [{ tcp: 1, receivers: 'none' }, 'tcp'],
    [{ tcpBackendPort: 1 }, 'tcpBackendPort'],
  ] as const)
    assert.deepEqual(balancerOptions.safeParse(options).error!.issues[0]!.path, [key])
})
