import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { capturedLog } from './captured-log.ts'
import { closeReason, parseMessage } from './incoming.ts'
import { messageBytesMax } from './protocol.ts'
import { heartbeatOf, helloOf, joinBackend, joinFollower, Peer, startTestReceiver } from './test-receiver.ts'
import { WebSocketSide } from './websocket-server.ts'

type BadInput = {
  title: string
  path?: string
  /** Said in order; the last of it is what is refused. */
  say: (object | string | Uint8Array)[]
  code: number
  reason: RegExp
  token?: string
}
const follow = { type: 'follow', version: 1, role: 'observer', name: 'o', epoch: 0 }
const badInputs: BadInput[] = [
  { title: 'what is not JSON', say: ['{'], code: 1007, reason: /not JSON/ },
  { title: 'an empty message', say: [''], code: 1007, reason: /not JSON/ },
  { title: 'JSON that is no message', say: ['null'], code: 1007, reason: /hello comes first/ },
  { title: 'a binary message', say: [new Uint8Array([1, 2])], code: 1007, reason: /not text/ },
  {
    title: 'a field that is missing',
    say: [{ type: 'hello', version: 1 }],
    code: 1007,
    reason: /^malformed message: name/,
  },
  {
    title: 'a field of the wrong type',
    say: [helloOf('x', { weight: 'much' as never })],
    code: 1007,
    reason: /weight/,
  },
  { title: 'a name that is none', say: [helloOf('x y')], code: 1007, reason: /name: letters/ },
  { title: 'a URL that is none', say: [helloOf('x', { url: 'file:///etc/passwd' })], code: 1007, reason: /url/ },
  { title: 'a heartbeat before the hello', say: [heartbeatOf()], code: 1007, reason: /hello comes first/ },
  { title: 'a second hello', say: [helloOf('x'), helloOf('x')], code: 1007, reason: /hello was said before/ },
  { title: 'an unknown type', say: [helloOf('x'), { type: 'dance' }], code: 1007, reason: /malformed/ },
  { title: 'an epoch below zero', say: [helloOf('x'), heartbeatOf({ reign: [-1, 0] })], code: 1007, reason: /reign/ },
  { title: 'an oversized message', say: ['x'.repeat(messageBytesMax + 1)], code: 1009, reason: /^/ },
  { title: 'an oversized message later', say: [helloOf('x'), 'x'.repeat(200_000)], code: 1009, reason: /^/ },
  {
    title: 'a newer version',
    say: [{ type: 'hello', version: 2, other: 1 }],
    code: 4426,
    reason: /version 2 is not supported/,
  },
  {
    title: 'a taken name',
    say: [helloOf('bystander', { incarnation: 'other' })],
    code: 4409,
    reason: /alive under another/,
  },
  { title: 'a missing token', token: 'a-secret', say: [helloOf('x')], code: 3000, reason: /token/ },
  {
    title: 'a wrong token',
    token: 'a-secret',
    say: [helloOf('x', { token: 'A-secret' })],
    code: 3000,
    reason: /token/,
  },
  {
    title: 'a wrong token of a follower',
    token: 'a-secret',
    path: '/decisions',
    say: [follow],
    code: 3000,
    reason: /token/,
  },
  {
    title: 'a follower of a newer version',
    path: '/decisions',
    say: [{ ...follow, version: 9 }],
    code: 4426,
    reason: /9/,
  },
  { title: 'a hello on /decisions', path: '/decisions', say: [helloOf('x')], code: 1007, reason: /follow comes first/ },
  {
    title: 'a report by an observer',
    path: '/decisions',
    say: [follow, { type: 'report', incarnation: 'bystander-1', epoch: 1, kind: 'refused' }],
    code: 1008,
    reason: /only a balancer/,
  },
]

describe('websocket server: bad input', () => {
  for (const { title, path = '/heartbeats', say, code, reason, token } of badInputs) {
    it(`${title} closes with ${code} and a reason; one log line, and nobody else is touched`, async (t) => {
      const receiver = await startTestReceiver(t, token === undefined ? {} : { token })
      const secret = token === undefined ? {} : { token }
      const backend = await joinBackend(t, receiver, 'bystander', secret)
      const follower = await joinFollower(t, receiver, secret)
      const peer = await new Peer(t, `${receiver.url}${path}`).open()
      for (const message of say) peer.say(message)
      const closed = await peer.closed
      assert.equal(closed.code, code)
      assert.match(closed.reason, reason)

      const refusals = receiver.lines.filter(({ event }) => event === 'refused')
      assert.deepEqual(
        refusals.map((line) => [line.level, line.code]),
        [[40, code]],
      )
      backend.say(heartbeatOf({ sequence: 2 }))
      await backend.hear('ack', ({ sequence }) => sequence === 2)
      assert.equal(follower.socket.readyState, follower.socket.OPEN)
      assert.ok(!JSON.stringify(receiver.lines).includes('ecret"'), 'no token in the log')
    })
  }

  it('closes a connection that does not say hello in time', async (t) => {
    const receiver = await startTestReceiver(t, { limits: { helloTimeoutMs: 20 } })
    for (const path of ['/heartbeats', '/decisions']) {
      const peer = await new Peer(t, `${receiver.url}${path}`).open()
      assert.deepEqual(await peer.closed, { code: 4408, reason: 'no first message within 20 ms' })
    }
  })

  it('closes a connection that floods', async (t) => {
    const receiver = await startTestReceiver(t, { limits: { messagesPerSecondMax: 5 } })
    const peer = await joinBackend(t, receiver, 'a')
    for (let sequence = 2; sequence < 10; sequence++) peer.say(heartbeatOf({ sequence }))
    assert.deepEqual(await peer.closed, { code: 1008, reason: 'too many messages' })
  })

  it('turns away what it does not serve: unknown paths, pages of other sites, and more than it holds', async (t) => {
    const receiver = await startTestReceiver(t, { limits: { connectionsMax: { heartbeats: 1, decisions: 1 } } })
    await joinBackend(t, receiver, 'a')
    const attempts: [status: number, path: string, options?: object][] = [
      [404, '/elsewhere'],
      [403, '/decisions', { origin: 'http://evil.example' }],
      [403, '/decisions', { origin: 'null' }],
      [503, '/heartbeats'],
    ]
    for (const [status, path, options] of attempts) {
      const peer = new Peer(t, `${receiver.url}${path}`, options)
      const [, response] = await once(peer.socket, 'unexpected-response')
      assert.equal(response.statusCode, status, path)
    }
    await joinFollower(t, receiver)
    const own = new Peer(t, `${receiver.url}/decisions`, { origin: receiver.base })
    const [, full] = await once(own.socket, 'unexpected-response')
    assert.equal(full.statusCode, 503, 'its own page may connect, if there is room')
  })

  it('turns away a page whose name was made to point here, unless it must know a token', async (t) => {
    for (const [token, status] of [
      [undefined, 403],
      ['a-secret', 101],
    ] as const) {
      const receiver = await startTestReceiver(t, token === undefined ? {} : { token })
      const host = `evil.example:${receiver.port}`
      const peer = new Peer(t, `${receiver.url}/decisions`, { origin: `http://${host}`, headers: { host } })
      const [answer] = await Promise.race([
        once(peer.socket, 'upgrade'),
        once(peer.socket, 'unexpected-response').then(([, response]) => [response]),
      ])
      assert.equal(answer.statusCode, status)
    }
  })

  it('survives garbage that is not WebSocket', async (t) => {
    const receiver = await startTestReceiver(t)
    const bystander = await joinBackend(t, receiver, 'a')
    const peer = await new Peer(t, `${receiver.url}/heartbeats`).open()
    const { _socket: raw } = peer.socket as unknown as { _socket: Socket }
    raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))
    assert.equal((await peer.closed).code, 1002)
    const plain = connect(receiver.port, '127.0.0.1')
    t.after(() => plain.destroy())
    plain.on('error', () => undefined)
    plain.resume()
    plain.write('\u0000\u0001 nonsense\r\n\r\n')
    await once(plain, 'close')
    bystander.say(heartbeatOf({ sequence: 2 }))
    await bystander.hear('ack', ({ sequence }) => sequence === 2)
  })
})

/** A server with a WebSocket side that nobody listens to, and a client's connection to it on which an upgrade was turned away. */
async function turnedAway(t: TestContext, turnedAwayMs: number) {
  const nothing = () => undefined
  const server = createServer()
  new WebSocketSide({
    ...{ server, token: undefined, log: capturedLog().log, limits: { turnedAwayMs } },
    ...{ take: nothing, welcomeFollower: () => [][Symbol.iterator](), onHeartbeat: nothing },
    balancers: { balancerJoined: nothing, balancerLeft: nothing, figures: nothing, firstAnswer: nothing },
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => client.destroy())
  client.on('error', nothing)
  client.write('GET /elsewhere HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  const [atServer] = (await once(server, 'connection')) as [Socket]
  t.after(() => atServer.destroy())
  return { server, client, closed: once(atServer, 'close') }
}

async function connectionsOf(server: Server): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  return promise
}

describe('websocket server: who is turned away leaves nothing behind', { timeout: 20_000 }, () => {
  const never = 2 ** 31 - 1

  it('if it goes on sending and closes', async (t) => {
    const { server, client, closed } = await turnedAway(t, never)
    const [answer] = await once(client, 'data')
    assert.match(String(answer), /^HTTP\/1\.1 404 /)
    client.end('x')
    await closed
    assert.equal(await connectionsOf(server), 0)
  })

  it('if it never closes, nor reads what it is told', async (t) => {
    const { server, closed } = await turnedAway(t, 20)
    await closed
    assert.equal(await connectionsOf(server), 0)
  })
})

describe('messages', () => {
  it('are refused as a whole or taken as a whole', () => {
    assert.deepEqual(parseMessage('heartbeats', JSON.stringify(helloOf('a')), false), { message: helloOf('a') })
    assert.ok('refusal' in parseMessage('heartbeats', JSON.stringify(helloOf('a')), true))
  })

  it('have reasons that fit a close frame, cut between characters', () => {
    assert.equal(closeReason('short'), 'short')
    for (const text of ['x'.repeat(500), 'ü'.repeat(500), '€'.repeat(500), '😀'.repeat(500)]) {
      const reason = closeReason(text)
      assert.ok(Buffer.byteLength(reason) <= 123)
      assert.ok(!reason.includes('\uFFFD'))
    }
  })
})
