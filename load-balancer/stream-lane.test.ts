import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { type Answer, type FakeBackend, hang, refuse, startCluster, until } from './test-cluster.ts'

const limits = { options: { replayBodyBytes: 64 * 1024 } }
const hashed: Answer = (arrival, response) => response.end(createHash('sha256').update(arrival.body).digest('hex'))

describe('a body over the replay limit', () => {
  it('streams intact when its length says so', async (t) => {
    const { a, send } = await startCluster(t, limits)
    a.answer = hashed
    const body = randomBytes(5_000_000)
    const { status, text, headers } = await send({ method: 'PUT', body, headers: { 'content-length': '5000000' } })
    assert.deepEqual([status, text], [200, createHash('sha256').update(body).digest('hex')])
    assert.deepEqual([headers['x-heartline-backend'], headers['x-heartline-epoch']], ['a', '1'])
    assert.equal(a.arrivals[0]!.note!.session, null)
  })

  it('streams intact when it crosses the limit while it is read', async (t) => {
    const { a, send } = await startCluster(t, limits)
    a.answer = hashed
    const parts = Array.from({ length: 40 }, () => randomBytes(7_001))
    const { status, text } = await send({ method: 'POST', body: parts })
    assert.deepEqual([status, text], [200, createHash('sha256').update(Buffer.concat(parts)).digest('hex')])
    assert.equal(a.arrivals[0]!.headers['transfer-encoding'], 'chunked')
  })

  it('at the limit exactly is kept for replay', async (t) => {
    const { a, send } = await startCluster(t, limits)
    a.answer = hashed
    const body = randomBytes(64 * 1024)
    assert.equal((await send({ method: 'POST', body: [body.subarray(0, 10), body.subarray(10)] })).status, 200)
    assert.equal(a.requests[0]!.note!.session, 'session-1')
  })

  it('has an unknown outcome when the backend dies, and its key is told', async (t) => {
    const { a, send } = await startCluster(t, limits)
    a.answer = () => a.kill()
    const body = Buffer.alloc(100_000)
    const { status, text } = await send({ method: 'POST', body, headers: { 'idempotency-key': 'k' } })
    assert.deepEqual([status, JSON.parse(text).outcome, JSON.parse(text).key], [502, 'unknown', 'k'])
  })

  it('was not applied when the backend refuses it or no connection', async (t) => {
    const { a, send } = await startCluster(t, limits)
    a.answer = refuse
    const body = Buffer.alloc(100_000)
    const refused = await send({ method: 'POST', body })
    assert.deepEqual([refused.status, JSON.parse(refused.text).outcome], [503, 'not applied'])
    assert.equal(refused.headers['x-heartline-refused'], undefined)
    a.kill()
    const unreachable = await send({ method: 'POST', body })
    assert.deepEqual([unreachable.status, JSON.parse(unreachable.text).outcome], [503, 'not applied'])
  })

  it('waits for a decision as long as a request is held', async (t) => {
    const { a, follower, send } = await startCluster(t, {
      decided: false,
      options: { ...limits.options, holdTimeMs: 200 },
    })
    a.answer = hashed
    const body = Buffer.alloc(100_000)
    const { status, text } = await send({ method: 'POST', body })
    assert.deepEqual([status, JSON.parse(text).outcome], [503, 'not applied'])
    const reply = send({ method: 'POST', body })
    follower.decide(a.decision(1))
    assert.equal((await reply).status, 200)
  })

  it('is cut off from a deposed backend that hangs, after the hold time', async (t) => {
    const { a, b, follower, send } = await startCluster(t, { options: { ...limits.options, holdTimeMs: 50 } })
    a.answer = hang
    const reply = send({ method: 'POST', body: Buffer.alloc(100_000) })
    await until(() => a.arrivals.length === 1, 'the request')
    follower.decide(b.decision(2))
    const { status, text } = await reply
    assert.deepEqual([status, JSON.parse(text).outcome], [502, 'unknown'])
  })
})

describe('an event stream', () => {
  it('arrives event by event, and takes no header of ours or of the connection to the backend', async (t) => {
    const { a, balancer } = await startCluster(t)
    a.answer = (_arrival, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-heartline-active': '1 -' })
      response.write('data: 1\n\n')
      t.after(() => response.end())
    }
    const headers = { accept: 'text/event-stream', 'x-heartline-token': 'forged', 'x-heartline-x': '1' }
    const response = await fetch(balancer.url, { headers })
    const { value } = await response.body!.getReader().read()
    assert.equal(Buffer.from(value!).toString(), 'data: 1\n\n')
    assert.equal(response.headers.get('x-heartline-active'), null)
    assert.equal(response.headers.get('x-heartline-backend'), 'a')
    const received = a.arrivals[0]!.headers
    assert.deepEqual([received['x-heartline-token'], received['x-heartline-x']], [undefined, undefined])
    assert.equal(received['x-forwarded-for'], '127.0.0.1')
    assert.equal(a.arrivals[0]!.note!.epoch, 1)
  })
})

describe('a WebSocket', () => {
  const echo = (backend: FakeBackend) => {
    const sockets = new WebSocketServer({ server: backend.server })
    sockets.on('connection', (socket) => {
      socket.on('error', () => socket.terminate())
      socket.on('message', (data, binary) => socket.send(data, { binary }))
    })
    return sockets
  }

  it('passes messages both ways', async (t) => {
    const { a, balancer } = await startCluster(t)
    const sockets = echo(a)
    const client = new WebSocket(balancer.url.replace('http', 'ws'))
    t.after(() => client.terminate())
    const [[answer]] = await Promise.all([once(client, 'upgrade'), once(client, 'open')])
    assert.equal(answer.headers['x-heartline-backend'], 'a')
    for (const size of [1, 100_000]) {
      const sent = randomBytes(size)
      client.send(sent)
      const [received] = await once(client, 'message')
      assert.ok(sent.equals(received))
    }
    assert.equal(sockets.clients.size, 1)
    client.close()
    await until(() => sockets.clients.size === 0, 'the end at the backend')
  })

  it('is cut when its backend is deposed, and goes to the new active when opened again', async (t) => {
    const { a, b, follower, balancer } = await startCluster(t)
    echo(a)
    const sockets = echo(b)
    const url = balancer.url.replace('http', 'ws')
    const client = new WebSocket(url)
    await once(client, 'open')
    follower.decide(b.decision(2))
    client.on('error', () => client.terminate())
    await once(client, 'close')
    const next = new WebSocket(url)
    t.after(() => next.terminate())
    await once(next, 'open')
    assert.equal(sockets.clients.size, 1)
  })

  it('is cut when its backend dies', async (t) => {
    const { a, balancer } = await startCluster(t)
    echo(a)
    const client = new WebSocket(balancer.url.replace('http', 'ws'))
    await once(client, 'open')
    client.on('error', () => client.terminate())
    a.kill()
    await once(client, 'close')
  })

  it('gets a problem as its answer when the backend cannot be reached', async (t) => {
    const { a, balancer } = await startCluster(t)
    a.kill()
    const client = new WebSocket(balancer.url.replace('http', 'ws'))
    const [, response] = await once(client, 'unexpected-response')
    response.resume()
    assert.equal(response.statusCode, 503)
    assert.equal(response.headers['content-type'], 'application/problem+json')
  })
})

it('another upgrade than WebSocket is an offer that is passed over', async (t) => {
  const { a, balancer } = await startCluster(t)
  const socket = connect(balancer.port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write(
    'GET /h2 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n',
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 200/)
  assert.equal(a.arrivals[0]!.headers.upgrade, undefined)
  assert.equal(a.arrivals[0]!.headers['http2-settings'], undefined)
})
