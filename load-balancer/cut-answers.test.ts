/** Over HTTP/2 an answer that is cut has a code: without one its client would take it for complete (RFC 9113 8.1). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { constants } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { writePair } from '../heartbeat-receiver/test-certificates.ts'
import { readTlsPair } from '../heartbeat-receiver/tls-pair.ts'
import { secureServer } from './secure-server.ts'
import { type Answer, until } from './test-cluster.ts'
import { type Ending, endingOf, FrameWriter, openSession, startSecure } from './test-secure-cluster.ts'

const lanes = [
  ['replay', '*/*'],
  ['stream', 'text/event-stream'],
] as const

const begin =
  (type: string): Answer =>
  (_arrival, response) =>
    void response.writeHead(200, { 'content-type': type }).write('part')

function assertCut({ text, error, resetCode }: Ending): void {
  assert.equal(text, 'part')
  assert.ok(error)
  assert.equal(resetCode, constants.NGHTTP2_INTERNAL_ERROR)
}

for (const [lane, accept] of lanes) {
  describe(`an answer of the ${lane} lane that has begun is not complete for its client`, () => {
    for (const [how, lose] of [
      ['resets its connection', (socket: Socket) => socket.resetAndDestroy()],
      ['closes its connection', (socket: Socket) => socket.destroy()],
    ] as const) {
      it(`when the backend ${how}`, async (t) => {
        const { a, session } = await startSecure(t)
        a.answer = begin('text/plain')
        const stream = (await session()).request({ ':path': '/', accept })
        const ending = endingOf(stream)
        await once(stream, 'data')
        for (const socket of a.sockets) lose(socket)
        assertCut(await ending)
      })
    }

    it('when another backend is decided, and the deposed one goes on for too long', async (t) => {
      const { a, b, follower, session } = await startSecure(t, { holdTimeMs: '50ms' })
      a.answer = begin('text/event-stream')
      const stream = (await session()).request({ ':path': '/', accept })
      const ending = endingOf(stream)
      await once(stream, 'data')
      follower.decide(b.decision(2))
      assertCut(await ending)
    })
  })
}

it('an answer that has begun is not complete for a client whose body is too large', async (t) => {
  const { a, session } = await startSecure(t, { replayBodyBytes: 1_000, bodyLimitBytes: 100_000 })
  a.server.on('request', (_request, response) => void response.writeHead(200).write('part'))
  const stream = (await session()).request({ ':path': '/', ':method': 'PUT' })
  const ending = endingOf(stream)
  stream.write(Buffer.alloc(2_000))
  await once(stream, 'data')
  stream.write(Buffer.alloc(200_000))
  assertCut(await ending)
})

it('an event stream that the balancer cuts since it stops is not complete for its client', async (t) => {
  const { a, session, stop } = await startSecure(t)
  a.answer = begin('text/event-stream')
  const stream = (await session()).request({ ':path': '/', accept: 'text/event-stream' })
  const ending = endingOf(stream)
  await once(stream, 'data')
  stop()
  assertCut(await ending)
})

it('what is under way when the time to stop is over is not complete for its client', async (t) => {
  const { a, session, stop, balancer } = await startSecure(t)
  a.answer = begin('text/plain')
  const one = await session()
  const endings = []
  for (const [, accept] of lanes) {
    const stream = one.request({ ':path': '/', accept })
    endings.push(endingOf(stream))
    await once(stream, 'data')
  }
  stop()
  for (const ending of await Promise.all(endings)) assertCut(ending)
  await balancer.done
})

/** The clients' server alone. */
async function startServer(t: TestContext): Promise<Server & { ca: string }> {
  const { tlsCert, tlsKey } = writePair(t)
  const pair = readTlsPair({ certPath: tlsCert, keyPath: tlsKey })
  const server = secureServer({ pair, idleTimeMs: 60_000, headerBytes: 16_384, http1: {} })
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(server, { ca: pair.cert })
}

it('what is under way when all connections are closed is not complete, also what only its client has still to take', async (t) => {
  const server = await startServer(t)
  const larger = 1_000_000
  server.on('request', ({ url }, response) => {
    if (url === '/begun') response.write('part')
    else response.end(Buffer.alloc(larger))
  })
  const { port } = server.address() as AddressInfo
  const session = await openSession(t, `https://127.0.0.1:${port}`, server.ca)
  const begun = session.request({ ':path': '/begun' })
  const ending = endingOf(begun)
  await once(begun, 'data')
  const slow = session.request({ ':path': '/ended' })
  const slowEnding = endingOf(slow)
  slow.pause()
  await once(slow, 'response')
  server.closeAllConnections()
  assertCut(await ending)
  const { text, resetCode } = await slowEnding
  assert.ok(text.length < larger)
  assert.equal(resetCode, constants.NGHTTP2_INTERNAL_ERROR)
})

it('a client that takes nothing is cut all the same', async (t) => {
  const server = await startServer(t)
  server.on('request', (_request, response) => void response.end(Buffer.alloc(50_000_000)))
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []
  server.on('secureConnection', (socket) => sockets.push(socket))
  const frames = await FrameWriter.open(t, port, server.ca, false)
  frames.request(1, { ':method': 'GET', ':scheme': 'https', ':authority': 'h', ':path': '/' })
  let written = 0
  const takesNoMore = () => {
    const before = written
    written = sockets[0]?.bytesWritten ?? 0
    return written > 1_000_000 && written === before
  }
  await until(takesNoMore, 'a connection that takes no more')
  server.closeAllConnections()
  await until(() => sockets[0]!.destroyed, 'the end of the connection')
})
