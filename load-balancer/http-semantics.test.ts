import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { type Cluster, startCluster } from './test-cluster.ts'

/** All bytes that one connection answers to `text`, until it is closed. */
async function exchange(t: TestContext, port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
  })
  socket.write(text)
  await once(socket, 'close')
  return answer
}

const lanes = {
  replay: { accept: '*/*' },
  stream: { accept: 'text/event-stream' },
}

for (const [lane, headers] of Object.entries(lanes)) {
  describe(`in the ${lane} lane`, () => {
    it('early hints reach the client before the answer', async (t) => {
      const { a, balancer } = await startCluster(t)
      a.answer = (_arrival, response) => {
        response.writeEarlyHints({ link: ['</a.css>; rel=preload; as=style', '</b.js>; rel=preload; as=script'] })
        response.end('x')
      }
      const request = httpRequest(balancer.url, { headers })
      request.end()
      const [[hint], [response]] = await Promise.all([once(request, 'information'), once(request, 'response')])
      assert.equal(hint.statusCode, 103)
      assert.equal(hint.headers.link, '</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script')
      response.resume()
      assert.equal(response.statusCode, 200)
      assert.equal(response.headers.link, undefined)
    })

    it('trailers follow the answer, except those that may not', async (t) => {
      const { a, balancer } = await startCluster(t)
      a.answer = (_arrival, response) => {
        response.writeHead(200, { trailer: 'x-checksum, x-heartline-epoch' })
        response.write('body')
        response.addTrailers({ 'x-checksum': 'c', 'x-heartline-epoch': '99', 'set-cookie': 'a=1' })
        response.end()
      }
      const request = httpRequest(balancer.url, { headers })
      request.end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      let text = ''
      for await (const chunk of response) text += chunk
      assert.equal(text, 'body')
      assert.equal(response.headers.trailer, 'x-checksum, x-heartline-epoch')
      assert.deepEqual(response.trailers, { 'x-checksum': 'c' })
    })

    it('a client of HTTP/1.0 gets the answer without hints, chunks and trailers', async (t) => {
      const { a, balancer } = await startCluster(t)
      a.answer = (_arrival, response) => {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' })
        response.writeHead(200, { trailer: 'x-checksum' })
        response.write('body')
        response.addTrailers({ 'x-checksum': 'c' })
        response.end()
      }
      const answer = await exchange(t, balancer.port, `GET / HTTP/1.0\r\nHost: h\r\nAccept: ${headers.accept}\r\n\r\n`)
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
      assert.doesNotMatch(answer, /chunked|trailer/i)
      assert.match(answer, /\r\n\r\nbody$/)
    })

    it('204 has no length, and 304 keeps that of the answer it stands for', async (t) => {
      const { a, send } = await startCluster(t)
      a.answer = ({ url }, response) => {
        response.writeHead(Number(url.slice(1)), url === '/304' ? { 'content-length': '999999', etag: '"e"' } : {})
        response.end()
      }
      const empty = await send({ path: '/204', headers })
      assert.deepEqual([empty.status, empty.headers['content-length'], empty.text], [204, undefined, ''])
      const same = await send({ path: '/304', headers })
      assert.deepEqual([same.status, same.headers['content-length'], same.headers.etag], [304, '999999', '"e"'])
      assert.equal((await send({ path: '/204', headers })).status, 204)
      assert.equal(a.requests.length, 3)
    })

    it('an absolute form reaches the backend as its path, with the host that it names', async (t) => {
      const { a, balancer } = await startCluster(t)
      const head = `Host: other\r\nAccept: ${headers.accept}\r\nConnection: close\r\n\r\n`
      await exchange(t, balancer.port, `GET http://tickets.example:81/a?b HTTP/1.1\r\n${head}`)
      assert.deepEqual([a.arrivals[0]!.url, a.arrivals[0]!.headers.host], ['/a?b', 'tickets.example:81'])
    })
  })
}

describe('HEAD', () => {
  it('tells the length of the body it leaves out, whatever its size', async (t) => {
    const { a, send } = await startCluster(t)
    for (const length of ['5', '5000000']) {
      a.answer = (_arrival, response) => response.writeHead(200, { 'content-length': length }).end()
      const { status, headers, text } = await send({ method: 'HEAD' })
      assert.deepEqual([status, headers['content-length'], text], [200, length, ''])
    }
    a.answer = (_arrival, response) => response.writeHead(200, { 'transfer-encoding': 'chunked' }).end()
    assert.equal((await send({ method: 'HEAD' })).headers['content-length'], undefined)
  })
})

describe('Expect: 100-continue', () => {
  const expecting = async ({ balancer }: Cluster, length: number) => {
    const headers = { expect: '100-continue', 'content-length': String(length) }
    const request = httpRequest(balancer.url, { method: 'POST', headers })
    request.flushHeaders()
    await once(request, 'continue')
    return request
  }

  it('is answered before the body is read, and no backend is asked', async (t) => {
    for (const length of [3, 2_000_000]) {
      const cluster = await startCluster(t)
      const request = await expecting(cluster, length)
      request.end(Buffer.alloc(length, 'x'))
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.resume()
      assert.equal(response.statusCode, 200)
      const [arrival] = cluster.a.requests
      assert.deepEqual([arrival!.body.length, arrival!.headers.expect], [length, undefined])
    }
  })

  it('what else is expected is refused', async (t) => {
    const { balancer } = await startCluster(t)
    const head = 'POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: tea\r\nContent-Length: 0\r\n\r\n'
    assert.match(await exchange(t, balancer.port, head), /^HTTP\/1\.1 417 /)
  })
})

it('trailers of a request that streams reach the backend, with the wish for those of the answer', async (t) => {
  const { a, balancer } = await startCluster(t, { options: { replayBodyBytes: 1024 } })
  let trailers: unknown
  a.answer = (_arrival, response, request) => {
    trailers = request.trailers
    response.end()
  }
  const request = httpRequest(balancer.url, { method: 'PUT', headers: { te: 'trailers', trailer: 'x-checksum' } })
  for (let part = 0; part < 4; part++) request.write(Buffer.alloc(1_000))
  request.addTrailers({ 'x-checksum': 'c', host: 'evil' })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  assert.deepEqual(trailers, { 'x-checksum': 'c' })
  const { te, connection, trailer } = a.arrivals[0]!.headers
  assert.deepEqual([te, connection, trailer], ['trailers', 'close, TE', 'x-checksum'])
})
