/** A request of HTTP/2 that its client resets in the midst of its body never reaches a backend as if that were all of it. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { constants } from 'node:http2'
import { describe, it, type TestContext } from 'node:test'
import { BodyBudget, BodyReaders } from './body.ts'
import { until } from './test-cluster.ts'
import { ask, FrameWriter, type SecureCluster, startSecure } from './test-secure-cluster.ts'
import { untilStreams } from './test-streams.ts'

const replayBodyBytes = 20_000
const partBytes = 12_000
const head = (path: string, method = 'PUT') => ({
  ...{ ':method': method, ':scheme': 'https', ':authority': 'h', ':path': path },
})

interface Uploads extends SecureCluster {
  frames: FrameWriter
  /** Bytes of bodies that came to the backend, whole or not. */
  arrived(): number
  /** Waits until the balancer is done with so many requests, and the backend too, and tells which came there whole. */
  whole(count: number): Promise<string[]>
}

async function startUploads(t: TestContext, decided = true): Promise<Uploads> {
  const cluster = await startSecure(t, { replayBodyBytes, accessLog: 1 }, { decided })
  const { a, logs, session, ca, balancer } = cluster
  let open = 0
  let bytes = 0
  a.server.on('request', (request) => {
    open += 1
    request.on('close', () => {
      open -= 1
    })
    request.on('data', (chunk) => {
      bytes += chunk.length
    })
  })
  const whole = async (count: number) => {
    await until(() => logs.filter(({ event }) => event === 'access').length === count, 'the end at the balancer')
    // Whatever was sent to the backend before this is there before this.
    await ask(await session(), { ':path': '/last' })
    await until(() => open === 0, 'the end at the backend')
    return a.requests.map(({ url }) => url).filter((url) => url !== '/last')
  }
  return { ...cluster, frames: await FrameWriter.open(t, balancer.port, ca), arrived: () => bytes, whole }
}

for (const [name, code] of [
  ['NO_ERROR', constants.NGHTTP2_NO_ERROR],
  ['CANCEL', constants.NGHTTP2_CANCEL],
] as const) {
  describe(`an upload that its client resets with ${name}`, () => {
    for (const [lane, parts] of [
      ['replay', 1],
      ['stream', 2],
    ] as const) {
      const begin = (frames: FrameWriter, stream: number) => {
        frames.begin(stream, head('/upload'))
        for (let part = 0; part < parts; part++) frames.data(stream, Buffer.alloc(partBytes))
      }

      it(`at once, is not complete for the backend in the ${lane} lane`, async (t) => {
        const { frames, whole } = await startUploads(t)
        begin(frames, 1)
        frames.reset(1, code)
        assert.deepEqual(await whole(1), [])
      })

      it(`after it was read so far, is not complete for the backend in the ${lane} lane`, async (t) => {
        const { a, frames, whole, arrived } = await startUploads(t)
        begin(frames, 1)
        frames.request(3, head('/next', 'GET'))
        await until(() => a.requests.length === 1, 'what was sent after it')
        if (lane === 'stream') await until(() => arrived() === parts * partBytes, 'what was sent of it')
        frames.reset(1, code)
        assert.deepEqual(await whole(2), ['/next'])
      })
    }

    it('while it waits for a backend, never reaches one', async (t) => {
      const cluster = await startUploads(t, false)
      const { a, frames, follower, whole } = cluster
      frames.begin(1, head('/upload'))
      for (let part = 0; part < 2; part++) frames.data(1, Buffer.alloc(partBytes))
      await untilStreams(cluster, 1)
      frames.reset(1, code)
      await untilStreams(cluster, 0)
      follower.decide(a.decision(1))
      assert.deepEqual(await whole(1), [])
    })
  })
}

it('an upload that a client of Node gives up is not complete for the backend', async (t) => {
  const { session, arrived, whole } = await startUploads(t)
  const stream = (await session()).request(head('/upload'))
  stream.on('error', () => undefined)
  stream.write(Buffer.alloc(1_200_000))
  await until(() => arrived() > replayBodyBytes, 'the first of it')
  stream.destroy()
  assert.deepEqual(await whole(1), [])
})

it('an upload that is given up while the backend takes nothing of it leaves nothing behind', async (t) => {
  const cluster = await startUploads(t)
  const { a, session, whole } = cluster
  let goOn = () => undefined as unknown
  a.server.once('request', (request) => {
    request.pause()
    goOn = () => request.resume()
  })
  const one = await session()
  const stream = one.request(head('/upload'))
  stream.on('error', () => undefined)
  stream.write(Buffer.alloc(50_000_000))
  let sent = 0
  const standsStill = () => {
    const before = sent
    sent = one.socket.bytesWritten
    return sent > 1_000_000 && sent === before
  }
  await until(standsStill, 'an upload that stands still')
  stream.destroy()
  await untilStreams(cluster, 0)
  goOn()
  assert.deepEqual(await whole(1), [])
})

it('a body that was read is dropped if its client has reset it, and its bytes are given back', (t) => {
  const budget = new BodyBudget(100)
  const pace = { pauseMaxMs: 1_000, bytesPerSecondMin: 0 }
  const readers = new BodyReaders({ bytesMax: 100, budget, pace, now: () => 0 })
  t.after(() => readers.close())
  const heard = () => assert.fail('nothing is to be heard of it')
  const request = Object.assign(new EventEmitter(), { aborted: false, complete: false })
  readers.read(request as unknown as IncomingMessage, 0, {
    read: heard,
    tooLarge: heard,
    noRoom: heard,
    timedOut: heard,
  })
  request.emit('data', Buffer.alloc(60))
  assert.equal(budget.bytes, 60)
  request.aborted = true
  request.emit('end')
  assert.equal(budget.bytes, 0)
})
