/** Each limit, through a whole balancer and real sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { balancerOptions } from './config.ts'
import { connectionsMax } from './forward.ts'
import { type Answer, hang, startCluster, until } from './test-cluster.ts'

/** A client that writes `text` and collects what comes until it is closed. */
function client(t: TestContext, port: number, text: string): { socket: Socket; closed: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => undefined)
  socket.write(text)
  const closed = once(socket, 'close').then(() => Buffer.concat(chunks).toString())
  return { socket, closed }
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const post = (length: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`
const chunkedPost = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Answers without end. */
const flood: Answer = (_arrival, response) => {
  const piece = Buffer.alloc(64 * 1024)
  const pour = () => {
    while (!response.destroyed && response.write(piece));
  }
  response.on('drain', pour)
  pour()
}

function assertProblem(answer: string, status: number): void {
  assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
  assert.match(answer, /content-type: application\/problem\+json/)
  assert.match(answer, /connection: close/i)
  assert.equal(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)).status, status)
}

it('the limits have the defaults that are documented', () => {
  const { headerBytes, headerCount, urlBytes, bodyLimitBytes, connections, connectionsPerClient, requestsPerClient } =
    balancerOptions.parse({})
  assert.deepEqual(
    { headerBytes, headerCount, urlBytes, bodyLimitBytes, connections, connectionsPerClient, requestsPerClient },
    {
      headerBytes: 16_384,
      headerCount: 100,
      urlBytes: 8_192,
      bodyLimitBytes: 0,
      connections: 16_384,
      connectionsPerClient: 12_288,
      requestsPerClient: 10_000,
    },
  )
})

describe('what is too large', () => {
  const cases: [string, Record<string, unknown>, string, number][] = [
    ['a head', { headerBytes: '2KiB' }, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(2_100)}\r\n\r\n`, 431],
    ['a number of headers', { headerCount: 2 }, 'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nX: y\r\n\r\n', 431],
    ['a target', { urlBytes: 8 }, 'GET /12345678 HTTP/1.1\r\nHost: a\r\n\r\n', 414],
    ['a body whose length is told', { bodyLimitBytes: 100 }, `${post(101)}`, 413],
    ['a body that grows while it is read', { bodyLimitBytes: 10 }, `${chunkedPost}b\r\n12345678901\r\n`, 413],
    [
      'a body that grows while it streams',
      { bodyLimitBytes: 10, replayBodyBytes: 5 },
      `${chunkedPost}b\r\n12345678901\r\n`,
      413,
    ],
  ]
  for (const [title, options, text, status] of cases) {
    it(`is refused with ${status}: ${title}`, async (t) => {
      const { a, balancer } = await startCluster(t, { options })
      assertProblem(await client(t, balancer.port, text).closed, status)
      assert.equal(a.requests.length, 0)
    })
  }

  it('is not what fits exactly', async (t) => {
    const { send } = await startCluster(t, { options: { bodyLimitBytes: 10, urlBytes: 8, headerCount: 5 } })
    assert.equal((await send({ method: 'POST', path: '/1234567', body: '1234567890' })).status, 200)
  })
})

describe('what is too slow', () => {
  const quick = { headerTimeMs: 100, idleTimeMs: 100, bodyTimeMs: 100 }
  const cases: [string, string, number][] = [
    ['nothing at all', '', 408],
    ['a head', 'GET / HTTP/1.1\r\n', 408],
    ['a body that pauses', `${post(10)}123`, 408],
    ['a body that pauses while it streams', `${post(200)}123`, 408],
  ]
  for (const [title, text, status] of cases) {
    it(`is refused with ${status}: ${title}`, async (t) => {
      const { a, balancer } = await startCluster(t, { options: { ...quick, replayBodyBytes: 100 } })
      assertProblem(await client(t, balancer.port, text).closed, status)
      assert.equal(a.requests.length, 0)
    })
  }

  for (const [title, length] of [
    ['read', 90],
    ['streamed', 200],
  ] as const) {
    it(`is a body that is ${title} and drips`, async (t) => {
      const options = { bodyTimeMs: 100, bodyRate: '1KiB', replayBodyBytes: 100 }
      const { balancer } = await startCluster(t, { options })
      const { socket, closed } = client(t, balancer.port, post(length))
      const drip = setInterval(() => socket.write('1'), 20)
      t.after(() => clearInterval(drip))
      assertProblem(await closed, 408)
    })
  }

  it('is not a body that nobody takes yet', async (t) => {
    const options = { bodyTimeMs: 50, replayBodyBytes: 10 }
    const { a, follower, balancer } = await startCluster(t, { decided: false, options })
    const text = `${post(20).replace('Host', 'Connection: close\r\nHost')}12345678901234567890`
    const { closed } = client(t, balancer.port, text)
    await new Promise((resolve) => setTimeout(resolve, 200))
    follower.decide(a.decision(1))
    assert.match(await closed, /^HTTP\/1\.1 200/)
  })

  it('is an idle connection, which is closed without a word', async (t) => {
    const { balancer } = await startCluster(t, { options: { idleTimeMs: 100 } })
    const answer = await client(t, balancer.port, get).closed
    assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
  })

  it('is a client that takes nothing of its answer', async (t) => {
    const { a, balancer } = await startCluster(t, { options: { sendTimeMs: 200 } })
    a.answer = flood
    const { socket } = client(t, balancer.port, get)
    socket.pause()
    await until(() => a.requests.length === 1, 'the request')
    await until(() => a.sockets.size === 0, 'the end at the backend')
  })
})

describe('what is too much', () => {
  it('is one connection more than all may have', async (t) => {
    const { balancer } = await startCluster(t, { options: { connections: 2 } })
    const kept = [client(t, balancer.port, get), client(t, balancer.port, get)]
    await Promise.all(kept.map(({ socket }) => once(socket, 'data')))
    assertProblem(await client(t, balancer.port, get).closed, 503)
    kept[0]!.socket.destroy()
    await kept[0]!.closed
    const next = client(t, balancer.port, get)
    assert.match(String(await once(next.socket, 'data')), /^HTTP\/1\.1 200/)
  })

  it('is one connection more than one client may have, and others are served', async (t) => {
    const { balancer } = await startCluster(t, { options: { connectionsPerClient: 1 } })
    const kept = client(t, balancer.port, get)
    await once(kept.socket, 'data')
    assertProblem(await client(t, balancer.port, get).closed, 429)
    const other = connect({ port: balancer.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    t.after(() => other.destroy())
    other.write(get)
    assert.match(String(await once(other, 'data')), /^HTTP\/1\.1 200/)
  })

  it('is one request more than one client may have under way', async (t) => {
    const { a, balancer, send } = await startCluster(t, { options: { requestsPerClient: 1 } })
    a.answer = hang
    const kept = client(t, balancer.port, get)
    await until(() => a.requests.length === 1, 'the request')
    assertProblem(await client(t, balancer.port, get).closed, 429)
    a.answer = (arrival, response) => a.apply(arrival, response)
    a.answerHung()
    await once(kept.socket, 'data')
    assert.equal((await send({})).status, 200)
  })
})

it('answers that have begun and do not end take no place of other requests', async (t) => {
  const { a, balancer, send } = await startCluster(t, { options: { holdTimeMs: 2_000 } })
  a.answer = (_arrival, response) => void response.write(Buffer.alloc(70_000))
  const readers = Array.from({ length: connectionsMax + 10 }, () => client(t, balancer.port, get))
  await Promise.all(readers.map(({ socket }) => once(socket, 'data')))
  a.answer = (arrival, response) => a.apply(arrival, response)
  assert.equal((await send({})).status, 200)
  for (const { socket } of readers) socket.destroy()
})

it('a WebSocket that is not taken is closed, whatever comes behind it', async (t) => {
  const { a, balancer } = await startCluster(t)
  a.answer = (_arrival, response) => void response.end('no')
  const offer = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n'
  const { closed } = client(t, balancer.port, `${get.replace('Host', `${offer}Host`)}${get}`)
  assert.equal((await closed).match(/HTTP\/1\.1/g)?.length, 1)
  assert.equal(a.requests.length, 1)
})

describe('requests on one connection', () => {
  it('are served one after the other', async (t) => {
    const { a, balancer } = await startCluster(t)
    a.answer = hang
    const { socket } = client(t, balancer.port, get + get)
    await until(() => a.requests.length === 1, 'the first')
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(a.requests.length, 1)
    a.answer = (arrival, response) => a.apply(arrival, response)
    a.answerHung()
    await until(() => a.requests.length === 2, 'the second')
    socket.destroy()
  })

  it('may be many, and all are answered', async (t) => {
    const { a, balancer } = await startCluster(t)
    const { closed } = client(t, balancer.port, get.repeat(500) + get.replace('Host', 'Connection: close\r\nHost'))
    assert.equal((await closed).match(/HTTP\/1\.1 200/g)?.length, 501)
    assert.equal(a.requests.length, 501)
  })

  it('are refused behind a good one only when that has its answer', async (t) => {
    const { a, balancer } = await startCluster(t)
    a.answer = hang
    const { closed } = client(t, balancer.port, `${get}nonsense\r\n\r\n`)
    await until(() => a.requests.length === 1, 'the first')
    a.answer = (arrival, response) => a.apply(arrival, response)
    a.answerHung()
    assert.match(await closed, /^HTTP\/1\.1 200[\s\S]*HTTP\/1\.1 400/)
  })
})
