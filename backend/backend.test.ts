import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import express from 'express'
import pino from 'pino'
import { createMemoryLog, memoryJournal, type RouteHandler, router } from '../checkpoint/index.ts'
import { formatRequestHeader, requestHeader, sessionsPath } from '../checkpoint/request-headers.ts'
import { createBackend } from './backend.ts'
import { backendOptions } from './config.ts'

const log = pino({ level: 'silent' })

/** A backend on a free port and a journal in memory, with no receiver to hear it. */
function backendWith(options: Record<string, unknown> = {}) {
  const parsed = backendOptions.parse({ port: 0, name: 'n', receivers: 'ws://127.0.0.1:1', ...options })
  return createBackend({ ...parsed, log, journal: memoryJournal(createMemoryLog()) })
}

test('a service answers through its checkpoint once it is named, and its plain routes at once', async (t) => {
  const backend = backendWith()
  t.after(() => backend.close())
  const seats = backend.checkpoint.map<string>('seats')
  const app = express()
  app.get('/plain', (_request, response) => void response.send('here'))
  app.post(
    '/seats/:id',
    backend.checkpoint.route(({ params }) => {
      seats.set(params.id, 'taken')
      return { status: 201, body: { seat: params.id } }
    }),
  )
  const { url } = await backend.start(app)
  assert.equal(await (await fetch(`${url}/plain`)).text(), 'here')
  assert.equal((await fetch(`${url}/seats/1`, { method: 'POST' })).status, 421)
  while (backend.checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  backend.checkpoint.lead(1)
  await backend.checkpoint.whenLeading(5_000)
  const answer = await fetch(`${url}/seats/1`, { method: 'POST' })
  assert.deepEqual([answer.status, await answer.json()], [201, { seat: '1' }])
  assert.deepEqual(
    [
      (await fetch(`${url}${sessionsPath}`, { method: 'POST' })).status,
      (await fetch(`${url}${sessionsPath}`, { method: 'HEAD' })).status,
    ],
    [201, 204],
  )
  // What a balancer sends on for a client: sessions are the balancer's own, and a client may not use them up.
  for (const [via, status] of [
    ['1.1 heartline', 404],
    ['2 front, 1.1 heartline,1.1 squid', 404],
    ['1.1 squid', 201],
  ] as const)
    assert.equal((await fetch(`${url}${sessionsPath}`, { method: 'POST', headers: { via } })).status, status, via)
})

test('a route that is not exactly once is refused a replay of a POST, and not of a PUT', async (t) => {
  const backend = backendWith()
  t.after(() => backend.close())
  let runs = 0
  const app = express()
  app.all('/mail', (_request, response) => {
    runs++
    response.end()
  })
  const { url } = await backend.start(app)
  const replay = {
    [requestHeader]: formatRequestHeader({ session: null, number: 0, lowestWaiting: 0, epoch: 1, replays: 1 }),
  }
  const refused = await fetch(`${url}/mail`, { method: 'POST', headers: replay })
  assert.deepEqual([refused.status, ((await refused.json()) as { outcome: string }).outcome, runs], [502, 'unknown', 0])
  assert.deepEqual([(await fetch(`${url}/mail`, { method: 'PUT', headers: replay })).status, runs], [200, 1])
})

test('with Express, what its parsers read is what the handler gets; what they give that is no JSON has no key', async (t) => {
  const backend = backendWith()
  t.after(() => backend.close())
  const seen: unknown[] = []
  const keep = backend.checkpoint.route(({ body, query }) => {
    seen.push([body, query.x])
    return { status: 201 }
  })
  const { url } = await backend.start(
    express()
      .use(express.json({ limit: 100_000 }))
      .post('/', keep),
  )
  while (backend.checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  backend.checkpoint.lead(1)
  await backend.checkpoint.whenLeading(5_000)
  const post = async (body: string, headers = {}) =>
    (await fetch(`${url}/?x=1`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } }))
      .status
  assert.equal(await post('{"a":1}', { 'idempotency-key': 'k' }), 201)
  assert.equal(await post('{"a":2}', { 'idempotency-key': 'k' }), 422)
  assert.equal(
    await post('plain', { 'content-type': 'text/plain' }),
    415,
    'a body that nobody can tell is not passed over',
  )
  assert.deepEqual(seen, [[{ a: 1 }, '1']])
})

test('a handler that returns a promise is refused: what comes after its await would be no part of the transaction', async (t) => {
  const backend = backendWith()
  t.after(() => backend.close())
  const slow = (async () => ({ status: 201 })) as unknown as RouteHandler
  const { url } = await backend.start(backend.checkpoint.route(slow))
  while (backend.checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  backend.checkpoint.lead(1)
  await backend.checkpoint.whenLeading(5_000)
  const answer = await fetch(url, { method: 'POST' })
  assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [500, 'OUTSIDE_TRANSACTION'])
})

test('a plain handler that fails costs its client a 500, and nobody else anything', async (t) => {
  const backend = backendWith()
  t.after(() => backend.close())
  const app = router({
    'GET /sync': () => {
      throw new Error('no')
    },
    'GET /async': async () => {
      throw new Error('no')
    },
    'GET /fine': (_request, response) => void response.end('fine'),
  })
  const { url } = await backend.start(app)
  for (const path of ['/sync', '/async']) {
    const answer = await fetch(`${url}${path}`)
    assert.deepEqual([answer.status, ((await answer.json()) as { outcome: string }).outcome], [500, 'unknown'], path)
  }
  assert.equal(await (await fetch(`${url}/fine`)).text(), 'fine')
})

test('a replay is told by the path as it was sent, dots and all', async (t) => {
  const backend = backendWith()
  t.after(() => backend.close())
  let runs = 0
  const app = router({
    'POST /exact': backend.checkpoint.route(() => ({})),
    'POST /:any/:two/exact': (_request, response) => {
      runs++
      response.end()
    },
  })
  const { port } = await backend.start(app)
  const replay = formatRequestHeader({ session: null, number: 0, lowestWaiting: 0, epoch: 1, replays: 1 })
  const answer = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(
      { port, method: 'POST', path: '/a/../exact', headers: { [requestHeader]: replay } },
      (response) => resolve(response.resume().statusCode),
    )
    sent.on('error', reject).end()
  })
  assert.deepEqual([answer, runs], [502, 0])
})

test('a port in use, and an address beyond loopback without a token, are one clear error each', async (t) => {
  const first = backendWith()
  t.after(() => first.close())
  const { port } = await first.start(() => undefined)
  const second = backendWith({ port })
  t.after(() => second.close())
  await assert.rejects(
    second.start(() => undefined),
    { code: 'PORT_IN_USE', message: `port ${port} on 127.0.0.1 is in use; choose another with --port` },
  )
  for (const host of ['0.0.0.0', '::', '127.example.org']) {
    const open = backendWith({ host })
    t.after(() => open.close())
    const refused = open.start(() => undefined)
    await assert.rejects(refused, { code: 'TOKEN_NEEDED' }, host)
  }
})
