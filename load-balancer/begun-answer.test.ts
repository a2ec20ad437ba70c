import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { collectedBytesMax } from './sending.ts'
import { startCluster } from './test-cluster.ts'

describe('an answer that has begun', () => {
  it('needs its number no more, however long its client reads', async (t) => {
    const { a, balancer, send } = await startCluster(t)
    const { answer } = a
    a.answer = (arrival, response, request) => {
      if (arrival.url !== '/endless') return answer(arrival, response, request)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    }
    const endless = httpRequest(new URL('/endless', balancer.url), { method: 'POST' })
    t.after(() => endless.destroy())
    endless.end()
    const [begun] = (await once(endless, 'response')) as [IncomingMessage]
    begun.on('error', () => undefined)
    await send({ method: 'POST', path: '/next' })
    const { number, lowestWaiting } = a.requests.at(-1)!.note!
    assert.deepEqual([number, lowestWaiting], [2, 2])
  })

  it('and whose head cannot be told is a problem for its client alone', async (t) => {
    const { b, follower, send } = await startCluster(t)
    const length = collectedBytesMax * 2
    const malformed = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      const answer = `HTTP/1.1 200 a\x01b\r\ncontent-length: ${length}\r\n\r\n${'x'.repeat(length)}`
      socket.once('data', () => void socket.write(answer))
    })
    malformed.listen(0, '127.0.0.1')
    t.after(() => malformed.close())
    await once(malformed, 'listening')
    follower.decide({ ...b.decision(2), url: `http://127.0.0.1:${(malformed.address() as AddressInfo).port}` })
    assert.equal((await send({ path: '/x' })).status, 502)
    follower.decide(b.decision(3))
    assert.equal((await send({ path: '/x' })).status, 200)
  })
})
