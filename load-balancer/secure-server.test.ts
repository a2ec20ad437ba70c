import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request as plainRequest } from 'node:http'
import { constants } from 'node:http2'
import { createServer, request as secureRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { WebSocket, WebSocketServer } from 'ws'
import { makePair, writePair } from '../heartbeat-receiver/test-certificates.ts'
import { balancerOptions } from './config.ts'
import { startCluster, until } from './test-cluster.ts'
import { ask, startSecure } from './test-secure-cluster.ts'

describe('HTTP/2', () => {
  it('is spoken where a client offers it, and requests of one connection do not wait for each other', async (t) => {
    const { a, session } = await startSecure(t)
    const one = await session()
    assert.equal(one.alpnProtocol, 'h2')
    const finish: (() => void)[] = []
    a.answer = (arrival, response) => {
      if (arrival.url === '/slow') finish.push(() => response.end('slow'))
      else a.apply(arrival, response)
    }
    const slow = ask(one, { ':path': '/slow' })
    await until(() => finish.length === 1, 'the slow request')
    const { headers, text } = await ask(one, { ':path': '/quick', ':method': 'POST' }, Buffer.from('xyz'))
    assert.deepEqual([headers[':status'], text], [200, 'POST /quick 3'])
    assert.deepEqual([headers['x-heartline-backend'], headers.via], ['a', '1.1 heartline'])
    finish[0]!()
    assert.equal((await slow).text, 'slow')
  })

  it('reaches the backend as HTTP/1.1 with its host, one cookie, and who asked', async (t) => {
    const { a, session } = await startSecure(t)
    const given = {
      ':path': '/a?b',
      ':authority': 'shop.example:1',
      cookie: ['a=1', 'b=2'],
      te: 'trailers',
      'x-one': '1',
    }
    await ask(await session(), given)
    const { headers, url } = a.arrivals[0]!
    assert.equal(url, '/a?b')
    assert.deepEqual([headers.host, headers.cookie, headers['x-one']], ['shop.example:1', 'a=1; b=2', '1'])
    assert.deepEqual([headers['x-forwarded-proto'], headers['x-forwarded-host']], ['https', 'shop.example:1'])
    assert.deepEqual([headers.via, headers.te, headers[':path']], ['2 heartline', undefined, undefined])
    assert.match(headers.forwarded!, /^for=127\.0\.0\.1;host="shop\.example:1";proto=https$/)
  })

  for (const [lane, accept] of [
    ['replay', '*/*'],
    ['stream', 'text/event-stream'],
  ]) {
    it(`has early hints, trailers and every Set-Cookie of an answer in the ${lane} lane`, async (t) => {
      const { a, session } = await startSecure(t)
      a.answer = (_arrival, response) => {
        response.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' })
        response.writeHead(200, {
          trailer: 'x-checksum',
          'set-cookie': ['a=1', 'b=2'],
          connection: 'x-private',
          'x-private': '1',
        })
        response.write('body')
        response.addTrailers({ 'x-checksum': 'c' })
        response.end()
      }
      const { headers, text, trailers, hints } = await ask(await session(), { ':path': '/', accept })
      assert.deepEqual([text, headers['set-cookie'], trailers['x-checksum']], ['body', ['a=1', 'b=2'], 'c'])
      assert.deepEqual([hints[0]![':status'], hints[0]!.link], [103, '</a.css>; rel=preload; as=style'])
      assert.deepEqual(
        [headers['x-private'], headers.connection, headers['transfer-encoding']],
        [undefined, undefined, undefined],
      )
    })

    it(`has no body for HEAD, 204 and 304 in the ${lane} lane`, async (t) => {
      const { a, session } = await startSecure(t)
      a.answer = ({ url }, response) => {
        response.writeHead(Number(url.slice(1)), url === '/204' ? {} : { 'content-length': '70000' })
        response.end()
      }
      const one = await session()
      for (const [method, status, length] of [
        ['HEAD', 200, '70000'],
        ['GET', 204, undefined],
        ['GET', 304, '70000'],
      ] as const) {
        const { headers, text } = await ask(one, { ':path': `/${status}`, ':method': method, accept })
        assert.deepEqual([headers[':status'], headers['content-length'], text], [status, length, ''])
      }
    })
  }

  it('a body of unknown length arrives whole, small or large, and its trailers with a large one', async (t) => {
    const { a, session } = await startSecure(t, { replayBodyBytes: 100_000 })
    let trailers: unknown
    a.answer = ({ body }, response, request) => {
      trailers = request.trailers
      response.end(String(body.length))
    }
    const one = await session()
    assert.equal((await ask(one, { ':path': '/', ':method': 'PUT' }, Buffer.alloc(50_000))).text, '50000')
    const stream = one.request({ ':path': '/', ':method': 'PUT' }, { endStream: false, waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'c' }))
    stream.end(Buffer.alloc(300_000)).setEncoding('utf8')
    const [length] = await once(stream, 'data')
    assert.deepEqual([length, trailers], ['300000', { 'x-checksum': 'c' }])
    // Unframed, this would be a second request.
    const smuggled = Buffer.from(`${'x'.repeat(200_000)}\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n`)
    await ask(one, { ':path': '/', ':method': 'GET' }, smuggled)
    assert.deepEqual(a.requests.map(({ method, body }) => `${method} ${body.length}`).slice(-1), [
      `GET ${smuggled.length}`,
    ])
  })

  it('a client that resets its request, or leaves, frees the backend and harms nobody', async (t) => {
    const { a, session } = await startSecure(t, { accessLog: 1 })
    let open = 0
    a.answer = (_arrival, response) => {
      open += 1
      response.on('close', () => {
        open -= 1
      })
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
    }
    for (const accept of ['*/*', 'text/event-stream']) {
      const one = await session()
      const streams = Array.from({ length: 5 }, () => one.request({ ':path': '/', accept }))
      for (const stream of streams) stream.on('error', () => undefined)
      await Promise.all(streams.map((stream) => once(stream, 'response')))
      streams[0]!.close(constants.NGHTTP2_CANCEL)
      streams[1]!.close(constants.NGHTTP2_INTERNAL_ERROR)
      await until(() => open === 3, 'the end of two')
      one.destroy()
      await until(() => open === 0, 'the end of all')
    }
    a.answer = (arrival, response) => a.apply(arrival, response)
    assert.equal((await ask(await session(), { ':path': '/' })).headers[':status'], 200)
  })

  it('a client that resets requests as fast as it can is cut off (CVE-2023-44487)', async (t) => {
    const { a, session } = await startSecure(t)
    const one = await session()
    const closed = new Promise((resolve) => one.on('close', resolve))
    for (let turn = 0; turn < 50 && !one.destroyed; turn++) {
      for (let index = 0; index < 20; index++) {
        const stream = one.request({ ':path': '/' })
        stream.on('error', () => undefined)
        stream.close(constants.NGHTTP2_CANCEL)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    await closed
    assert.ok(a.requests.length < 1_000)
    assert.equal((await ask(await session(), { ':path': '/' })).headers[':status'], 200)
  })

  it('limits the head of a request and the requests at a time, and makes no tunnels', async (t) => {
    const { session } = await startSecure(t)
    const one = await session()
    await until(() => one.remoteSettings.maxConcurrentStreams !== undefined, 'the settings')
    assert.ok(one.remoteSettings.maxConcurrentStreams! <= 256)
    const tunnel = one.request({ ':method': 'CONNECT', ':authority': 'h:1' })
    const [refused] = await once(tunnel, 'response')
    assert.equal(refused[':status'], 501)
    const many = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`x-${index}`, 'x'.repeat(100)]))
    const large = one.request({ ':path': '/', ...many })
    const ended = await Promise.race([once(large, 'response'), once(large, 'error')]).catch((error) => [error])
    assert.notEqual(ended[0][':status'], 200)
    assert.equal((await ask(await session(), { ':path': '/' })).headers[':status'], 200)
  })

  it('ends in order: what is under way is answered, and the connection closed', async (t) => {
    const { a, session, stop, balancer } = await startSecure(t)
    const one = await session()
    let finish = () => undefined as unknown
    a.answer = (_arrival, response) => {
      finish = () => response.end('last')
    }
    const last = ask(one, { ':path': '/' })
    await until(() => a.requests.length === 1, 'the request')
    const closed = once(one, 'close')
    stop()
    finish()
    assert.equal((await last).text, 'last')
    await Promise.all([closed, balancer.done])
  })
})

describe('HTTP/1.1 with TLS', () => {
  const get = async (url: string, ca: string) => {
    const request = secureRequest(url, { ca, agent: false })
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    return response
  }

  it('is served on the same port', async (t) => {
    const { a, balancer, ca } = await startSecure(t)
    assert.match(balancer.url, /^https:/)
    assert.equal((await get(balancer.url, ca)).statusCode, 200)
    assert.equal(a.arrivals[0]!.headers['x-forwarded-proto'], 'https')
  })

  it('carries WebSockets', async (t) => {
    const { a, balancer, ca } = await startSecure(t)
    new WebSocketServer({ server: a.server }).on('connection', (socket) => {
      socket.on('message', (data) => socket.send(data))
    })
    const client = new WebSocket(balancer.url.replace('https', 'wss'), { ca })
    await once(client, 'open')
    client.send('hello')
    assert.equal(String((await once(client, 'message'))[0]), 'hello')
    client.terminate()
    await until(() => a.sockets.size === 0, 'the end at the backend')
  })

  it('without TLS is told so', async (t) => {
    const { balancer } = await startSecure(t)
    const request = plainRequest(balancer.url.replace('https', 'http'), { agent: false })
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of response) text += chunk
    assert.deepEqual([response.statusCode, JSON.parse(text).status], [400, 400])
  })
})

it('another certificate is used once it is there, without a restart, and what is open stays open', async (t) => {
  const { tlsCert, tlsKey, pair, replace } = writePair(t)
  const { balancer } = await startCluster(t, { options: { tlsCert, tlsKey } })
  const shakeHands = async (options: ConnectionOptions): Promise<TLSSocket> => {
    const socket = connectTls({ port: balancer.port, host: '127.0.0.1', ...options })
    t.after(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }
  const first = await shakeHands({ ca: pair.cert })
  const next = makePair()
  replace(next)
  const deadline = performance.now() + 10_000
  for (;;) {
    const reached = await shakeHands({ ca: next.cert }).catch(() => undefined)
    if (reached) break
    assert.ok(performance.now() < deadline, 'the new certificate is served')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.ok(!first.destroyed)
  await assert.rejects(shakeHands({ ca: next.cert, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }))
})

describe('a backend with TLS', () => {
  const startBackend = async (t: TestContext, pair: { cert: string; key: string }) => {
    const server = createServer(pair, (request, response) => {
      request.resume().on('end', () => response.end(`secure ${request.headers.host}`))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.close()
      server.closeAllConnections()
    })
    return { server, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }
  const startTrusting = async (t: TestContext, trusted: boolean) => {
    const { pair } = writePair(t)
    const { tlsCert: backendCa } = writePair(t, trusted ? pair : makePair())
    const { server, url } = await startBackend(t, pair)
    const cluster = await startCluster(t, { options: { backendCa, holdTimeMs: 300, replayBodyBytes: 1_000 } })
    cluster.follower.decide({ ...cluster.a.decision(2), url, exactlyOnce: false, incarnation: 'secure' })
    return { ...cluster, server }
  }

  it('is reached in both lanes, also by WebSockets, whatever Host a client asks for', async (t) => {
    const { send, balancer, server } = await startTrusting(t, true)
    const headers = { host: 'shop.example' }
    assert.equal((await send({ headers })).text, 'secure shop.example')
    assert.equal((await send({ method: 'PUT', body: Buffer.alloc(5_000), headers })).text, 'secure shop.example')
    new WebSocketServer({ server }).on('connection', (socket) => socket.send('hello'))
    const client = new WebSocket(balancer.url.replace('http', 'ws'), { headers })
    assert.equal(String((await once(client, 'message'))[0]), 'hello')
    client.terminate()
  })

  it('is not spoken to if its certificate is not to be trusted', async (t) => {
    const { send } = await startTrusting(t, false)
    assert.equal((await send({})).status, 503)
    assert.equal((await send({ method: 'PUT', body: Buffer.alloc(5_000) })).status, 502)
  })
})

it('a certificate without its key is a mistake', () => {
  for (const [given, told] of [
    ['tlsCert', /--tls-key/],
    ['tlsKey', /--tls-cert/],
  ] as const) {
    const { error } = balancerOptions.safeParse({ [given]: 'x.pem' })
    assert.deepEqual(error!.issues[0]!.path, [given])
    assert.match(error!.issues[0]!.message, told)
  }
})
