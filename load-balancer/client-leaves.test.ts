/**
 * Faults known of http-proxy-middleware that are not to be ours: sockets and memory left after a client went away
 * (its issues 782 and 634), and errors after a request was aborted (its issue 1005).
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { pino } from 'pino'
import { WebSocket, WebSocketServer } from 'ws'
import { AccessLog } from './access-log.ts'
import { Forwarding } from './forwarding.ts'
import { StreamLane } from './stream-lane.ts'
import { startCluster, until } from './test-cluster.ts'

setFlagsFromString('--expose_gc')
const collectGarbage = runInNewContext('gc') as () => void

interface Bench {
  lane: StreamLane
  front: Server
  back: Server
  port: number
  /** Connections at the backend. */
  sockets: Set<Socket>
  /** Requests that have begun to arrive there. */
  begun: ServerResponse[]
  /** Connections there that asked for an upgrade. */
  upgrades: Socket[]
}

/** A stream lane alone between a server and a backend that answers nothing by itself. */
async function startLane(t: TestContext): Promise<Bench> {
  const back = createServer()
  const sockets = new Set<Socket>()
  back.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const begun: ServerResponse[] = []
  const upgrades: Socket[] = []
  back.on('request', (_request, response) => begun.push(response))
  back.on('upgrade', (_request, socket: Socket) => {
    socket.on('error', () => undefined)
    socket.on('end', () => socket.end()).resume()
    upgrades.push(socket)
  })
  const front = createServer()
  for (const server of [back, front]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.close()
      server.closeAllConnections()
    })
  }
  const url = `http://127.0.0.1:${(back.address() as AddressInfo).port}`
  const target = { epoch: 1, url, name: 'a', incarnation: 'a-1', exactlyOnce: true }
  const targets = {
    pick: () => target,
    takes: true,
    onTakes: () => undefined,
    onMoved: () => undefined,
    plainHeaders: () => [],
    left: () => undefined,
  }
  const forwarding = new Forwarding({ trusts: () => false, randomHex: () => '1'.repeat(48) })
  const lane = new StreamLane({
    targets,
    forwarding,
    access: new AccessLog(pino({ level: 'silent' }), 0, Math.random),
    now: () => performance.now(),
    holdTimeMs: 1_000,
    waitingMax: 10,
  })
  front.on('request', (request, response) => lane.handle(request, response))
  front.on('upgrade', (request, socket, head) => lane.upgrade(request, socket as Socket, head))
  t.after(() => lane.close())
  return { lane, front, back, port: (front.address() as AddressInfo).port, sockets, begun, upgrades }
}

const uploadHead = 'PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nbegin'
const eventsHead = 'GET / HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n'
const upgradeHead =
  'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

/** Ways to leave. */
const departures: Record<string, (socket: Socket) => void> = {
  hangs: (socket) => socket.destroy(),
  resets: (socket) => socket.resetAndDestroy(),
}

for (const [how, leave] of Object.entries(departures)) {
  describe(`a client that ${how === 'hangs' ? 'hangs up' : how} leaves nothing behind`, () => {
    const leavesAfter = async (t: TestContext, head: string, settled: (bench: Bench) => void | Promise<void>) => {
      const bench = await startLane(t)
      const socket = connect(bench.port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(head)
      await until(() => bench.sockets.size === 1, 'the connection to the backend')
      await settled(bench)
      leave(socket)
      await until(() => bench.sockets.size === 0, 'the end of the connection to the backend')
      assert.equal(bench.lane.count, 0)
    }

    it('during an upload', (t) =>
      leavesAfter(t, uploadHead, ({ begun }) => until(() => begun.length === 1, 'the upload')))

    it('before the answer', (t) => leavesAfter(t, eventsHead, ({ begun }) => until(() => begun.length === 1, 'it')))

    it('during an event stream', (t) =>
      leavesAfter(t, eventsHead, async ({ begun }) => {
        await until(() => begun.length === 1, 'the request')
        begun[0]!.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
      }))

    it('before its upgrade is answered', (t) =>
      leavesAfter(t, upgradeHead, ({ upgrades }) => until(() => upgrades.length === 1, 'the upgrade')))

    it('as a WebSocket', (t) =>
      leavesAfter(t, upgradeHead, async ({ upgrades, lane }) => {
        await until(() => upgrades.length === 1, 'the upgrade')
        upgrades[0]!.write(`${switching}hello`)
        assert.equal(lane.count, 1)
      }))
  })
}

it('more than a thousand clients that left leave no memory, no listener and no error behind', async (t) => {
  const { port, sockets, begun, upgrades, lane, back } = await startLane(t)
  back.on('request', (_request, response) => {
    response.on('error', () => undefined)
    if (begun.length % 3 === 0) response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
  })
  back.on('upgrade', (_request, socket) => {
    socket.write(switching)
  })
  const warnings: Error[] = []
  const warned = (warning: Error) => void warnings.push(warning)
  process.on('warning', warned)
  t.after(() => process.off('warning', warned))
  const heads = [uploadHead, eventsHead, upgradeHead]
  const leaveOne = async (turn: number) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(heads[turn % heads.length]!)
    // At every moment of a request, from before it is seen to after it was answered.
    const waits = turn % 5
    for (let wait = 0; wait < waits; wait++) await new Promise((resolve) => setImmediate(resolve))
    if (turn % 2 === 0) socket.destroy()
    else if (!socket.destroyed) socket.resetAndDestroy()
    if (!socket.closed) await once(socket, 'close')
  }
  const leaveMany = async (count: number) => {
    for (let turn = 0; turn < count; turn += 20)
      await Promise.all(Array.from({ length: 20 }, (_, index) => leaveOne(turn + index)))
    const deadline = performance.now() + 30_000
    while (sockets.size > 0 || lane.count > 0) {
      assert.ok(performance.now() < deadline, `${sockets.size} connections are left`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    begun.length = 0
    upgrades.length = 0
    for (let time = 0; time < 3; time++) {
      collectGarbage()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return process.memoryUsage().heapUsed
  }
  await leaveMany(300)
  const before = await leaveMany(200)
  const after = await leaveMany(1_200)
  assert.ok(after - before < 1_200_000, `${after - before} bytes are left of 1,200 requests`)
  assert.deepEqual(warnings, [])
})

describe('in the replay lane', () => {
  it('a client that leaves during an answer of any length frees the connection to the backend', async (t) => {
    const { a, balancer, send } = await startCluster(t)
    let open = 0
    a.answer = (_arrival, response) => {
      open += 1
      response.on('close', () => {
        open -= 1
      })
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      }
      response.on('drain', more)
      more()
    }
    for (let turn = 0; turn < 5; turn++) {
      const request = httpRequest(balancer.url, { agent: false })
      request.on('error', () => undefined)
      request.end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.on('error', () => undefined)
      await once(response, 'readable')
      response.destroy()
    }
    await until(() => open === 0, 'the end of the connections')
    a.answer = (arrival, response) => a.apply(arrival, response)
    assert.equal((await send({})).status, 200)
  })
})

describe('stopping', () => {
  it('ends WebSockets and event streams at once, and lets an answer finish', async (t) => {
    const { a, balancer, stop } = await startCluster(t)
    new WebSocketServer({ server: a.server })
    const client = new WebSocket(balancer.url.replace('http', 'ws'))
    client.on('error', () => undefined)
    await once(client, 'open')
    let finish = () => undefined as unknown
    a.answer = ({ headers }, response) => {
      if (headers.accept !== 'text/event-stream') {
        finish = () => response.end('done')
        return
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    }
    const events = httpRequest(balancer.url, { headers: { accept: 'text/event-stream' } })
    events.on('error', () => undefined)
    events.end()
    const [stream] = (await once(events, 'response')) as [IncomingMessage]
    const cut = new Promise((resolve) =>
      stream
        .on('error', () => undefined)
        .on('close', resolve)
        .resume(),
    )
    const last = fetch(balancer.url).then((response) => response.text())
    await until(() => a.requests.length === 2, 'the requests')
    const startedMs = performance.now()
    stop()
    await Promise.all([once(client, 'close'), cut])
    finish()
    assert.equal(await last, 'done')
    await balancer.done
    assert.ok(performance.now() - startedMs < 2_000)
    await until(() => a.sockets.size === 0, 'the end at the backend')
  })
})
