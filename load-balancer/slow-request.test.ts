/** A request that is slow, beside writes to a checkpoint that keeps little: real ones over a journal in memory, behind a real balancer. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { pino } from 'pino'
import { createCheckpoint, createMemoryLog, type MemoryLog, memoryJournal, routes } from '../checkpoint/index.ts'
import { sessionsPath } from '../checkpoint/request-headers.ts'
import { startCluster, until } from './test-cluster.ts'

const log = pino({ level: 'silent' })
const limits = { sessionBytesMax: 6 * 1024 * 1024, sessionsBytesMax: 12 * 1024 * 1024 }
const text = 'x'.repeat(60_000)

/** A checkpoint behind HTTP. What it is asked under `/slow` is `slow`'s to answer. */
async function startNode(t: TestContext, shared: MemoryLog, name: string) {
  const checkpoint = createCheckpoint({ journal: memoryJournal(shared), node: name, log, limits })
  t.after(() => checkpoint.close(0))
  const counts = checkpoint.map<number>('counts')
  const { route, openSession } = routes(checkpoint, { node: name, log })
  const write = route(({ method, url }) => {
    const count = (counts.get(url!) ?? 0) + 1
    if (method === 'POST') counts.set(url!, count)
    return { body: { count, text } }
  })
  const node = { checkpoint, slow: write as RequestListener, write, epoch: 0, decision, kill }
  const server = createServer((request, response) => {
    if (request.url === sessionsPath)
      return request.method === 'POST' ? openSession(request, response) : void response.writeHead(204).end()
    if (request.url === '/slow') return node.slow(request, response)
    write(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(kill)
  await checkpoint.start()

  /** Leads under `epoch`, and what says so to a balancer. */
  async function decision(epoch: number) {
    assert.ok(checkpoint.lead(epoch))
    assert.ok(await checkpoint.whenLeading(5_000))
    return { shard: 0, epoch, name, incarnation: `${name}-1`, url, exactlyOnce: true }
  }

  function kill(): void {
    server.close().closeAllConnections()
  }

  return node
}

async function startWorld(t: TestContext) {
  const shared = createMemoryLog()
  const [a, b] = [await startNode(t, shared, 'a'), await startNode(t, shared, 'b')]
  const { follower, send } = await startCluster(t, { decided: false })
  follower.decide(await a.decision(1))
  /** So many writes, a few at a time; tells how often each status was answered. */
  const write = async (count: number) => {
    const statuses: Record<number, number> = {}
    const client = async () => {
      while (count-- > 0) {
        const { status } = await send({ method: 'POST', path: '/writes' })
        statuses[status] = (statuses[status] ?? 0) + 1
      }
    }
    await Promise.all(Array.from({ length: 8 }, client))
    return statuses
  }
  return { a, b, follower, send, write }
}

/** How many writes fill a session to which none is done with. */
const fullAfter = Math.ceil(limits.sessionBytesMax / text.length)

describe('a request that never ends', () => {
  it('leaves room for all other writes, though a backend keeps few answers for one session', async (t) => {
    const { a, send, write } = await startWorld(t)
    const arrived = Promise.withResolvers<void>()
    a.slow = () => arrived.resolve()
    const slow = send({ method: 'POST', path: '/slow' })
    slow.catch(() => undefined) // it is cut at the end of the test
    await arrived.promise
    assert.deepEqual(await write(10 * fullAfter), { 200: 10 * fullAfter })
  })

  it('is applied once when its backend dies, though other writes have left its session long ago', async (t) => {
    const { a, b, follower, send, write } = await startWorld(t)
    let nowhere: ServerResponse | undefined
    a.slow = (request, response) => {
      // It runs and is journaled, and its answer leads nowhere.
      nowhere = new ServerResponse(request as IncomingMessage)
      a.write(request as never, nowhere as typeof response)
    }
    const slow = send({ method: 'POST', path: '/slow' })
    await until(() => nowhere?.writableEnded === true, 'it is durable')
    assert.deepEqual(await write(2 * fullAfter), { 200: 2 * fullAfter })
    a.kill()
    follower.decide(await b.decision(2))
    const { status, text, headers } = await slow
    assert.deepEqual([status, JSON.parse(text).count, headers['x-heartline-replays']], [200, 1, '1'])
    assert.equal(JSON.parse((await send({ path: '/slow' })).text).count, 2, 'the next would be the second')
    assert.deepEqual(await write(10), { 200: 10 })
  })
})
