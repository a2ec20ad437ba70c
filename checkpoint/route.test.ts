import assert from 'node:assert/strict'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { Checkpoint } from './checkpoint.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from './memory-journal.ts'
import { formatRequestHeader } from './request-headers.ts'
import { routes } from './route.ts'

const log = pino({ level: 'silent' })

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: unknown
}

/** A node that counts, over a shared log. */
async function node(t: TestContext, shared: MemoryLog, name: string, token?: string) {
  const checkpoint = new Checkpoint({
    journal: memoryJournal(shared),
    incarnation: `${name}1`,
    node: name,
    url: () => `http://${name}`,
    log,
  })
  const http = routes(checkpoint, { node: name, token, log, claimWaitMs: 5_000 })
  const counters = checkpoint.map<number>('counters')
  let runs = 0
  const increment = http.route((request) => {
    runs++
    if (request.method === 'GET') return { body: { value: counters.get('c') ?? 0 } }
    const value = (counters.get('c') ?? 0) + 1
    counters.set('c', value)
    if (request.url === '/throw') throw new Error('no')
    if (request.url === '/large') counters.set('c', 'x'.repeat(2_000_000) as unknown as number)
    if (request.url === '/empty') return { status: 204 }
    return { status: 201, headers: { 'x-made': 'here' }, body: { value } }
  })
  const server = createServer((request, response) =>
    request.url === '/sessions' ? http.openSession(request, response) : increment(request, response),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  const { port } = server.address() as AddressInfo
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const sent = httpRequest({ port, method, path, headers, agent: false }, (response) => {
        let text = ''
        response.on('data', (chunk) => (text += chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: text === '' ? null : JSON.parse(text),
          }),
        )
      })
      sent.on('error', reject)
      sent.end()
    })
  const lead = async (epoch: number) => {
    checkpoint.lead(epoch)
    assert.equal(await checkpoint.whenLeading(5_000), true)
  }
  return { checkpoint, ask, lead, runs: () => runs }
}

const note = (session: string | null, number: number, epoch = 1, replays = 0) => ({
  'x-heartline-request': formatRequestHeader({ session, number, lowestWaiting: 1, epoch, replays }),
})

test('the same number gets the recorded answer, headers and all, on this node and on its successor, and runs once', async (t) => {
  const shared = createMemoryLog()
  const [a, b] = [await node(t, shared, 'a'), await node(t, shared, 'b')]
  await a.lead(1)
  const { session } = (await a.ask('POST', '/sessions')).body as { session: string }
  const first = await a.ask('POST', '/count', note(session, 1))
  assert.deepEqual(
    [
      first.status,
      first.body,
      first.headers['x-made'],
      first.headers['x-heartline-backend'],
      first.headers['x-heartline-epoch'],
    ],
    [201, { value: 1 }, 'here', 'a', '1'],
  )
  const again = await a.ask('POST', '/count', note(session, 1, 1, 1))
  assert.deepEqual([again.status, again.body, again.headers['x-made']], [201, { value: 1 }, 'here'])
  await b.lead(2)
  const elsewhere = await b.ask('POST', '/count', note(session, 1, 2, 2))
  assert.deepEqual(
    [elsewhere.status, elsewhere.body, elsewhere.headers['x-heartline-backend']],
    [201, { value: 1 }, 'b'],
  )
  assert.deepEqual([a.runs(), b.runs()], [1, 0])
  assert.deepEqual((await b.ask('POST', '/empty', note(session, 2, 2))).status, 204)
  assert.deepEqual((await b.ask('POST', '/empty', note(session, 2, 2, 1))).status, 204)
})

test('who does not lead says so, and where the journal points', async (t) => {
  const shared = createMemoryLog()
  const [a, b] = [await node(t, shared, 'a'), await node(t, shared, 'b')]
  await a.lead(1)
  while (b.checkpoint.status().journalReign[0] < 1) await new Promise((resolve) => setImmediate(resolve))
  const refused = await b.ask('POST', '/count', note(null, 0, 1))
  assert.deepEqual(
    [refused.status, refused.headers['x-heartline-refused'], refused.headers['x-heartline-active']],
    [421, 'not-active', '1 http://a'],
  )
  assert.equal(b.runs(), 0)
})

test('a request that names a newer epoch is held until the claim is valid', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  const early = a.ask('POST', '/count', note(null, 0, 3))
  await a.lead(3)
  assert.deepEqual([(await early).status, (await early).headers['x-heartline-epoch']], [201, '3'])
})

test('a request of a session that is not open is refused and never run', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  await a.lead(1)
  const refused = await a.ask('POST', '/count', note('77', 1))
  assert.deepEqual([refused.status, refused.headers['x-heartline-refused'], a.runs()], [410, 'session-ended', 0])
})

test('an Idempotency-Key is honoured per caller, and refused for another request', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  await a.lead(1)
  const key = { 'idempotency-key': 'k1' }
  const first = await a.ask('POST', '/count', key)
  const again = await a.ask('POST', '/count', key)
  assert.deepEqual([first.body, first.headers['idempotency-replayed']], [{ value: 1 }, undefined])
  assert.deepEqual([again.body, again.headers['idempotency-replayed']], [{ value: 1 }, 'true'])
  assert.equal((await a.ask('POST', '/other', key)).status, 422)
  const other = await a.ask('POST', '/count', { ...key, authorization: 'Bearer somebody' })
  assert.deepEqual(other.body, { value: 2 })
  assert.equal((await a.ask('POST', '/count', { 'idempotency-key': 'k'.repeat(300) })).status, 400)
})

test('keys that come at once are answered as one', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  await a.lead(1)
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => a.ask('POST', '/count', { 'idempotency-key': 'k' })),
  )
  assert.deepEqual(new Set(answers.map(({ body }) => JSON.stringify(body))), new Set(['{"value":1}']))
  assert.equal(a.runs(), 1)
})

test('a handler that throws, or a transaction too large, changes nothing and says so', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  await a.lead(1)
  const thrown = await a.ask('POST', '/throw')
  assert.deepEqual(
    [thrown.status, thrown.headers['content-type'], (thrown.body as { outcome: string }).outcome],
    [500, 'application/problem+json', 'not applied'],
  )
  const large = await a.ask('POST', '/large')
  assert.deepEqual([large.status, (large.body as { outcome: string }).outcome], [413, 'not applied'])
  assert.deepEqual((await a.ask('GET', '/count')).body, { value: 0 })
})

test('with a token, what a stranger says of sessions and epochs does not count', async (t) => {
  const a = await node(t, createMemoryLog(), 'a', 'a-long-secret')
  await a.lead(1)
  assert.equal((await a.ask('POST', '/count', note('77', 1))).status, 201, 'a request like any other')
  assert.equal((await a.ask('POST', '/count', { ...note('77', 1), 'x-heartline-token': 'a-long-secreT' })).status, 201)
  assert.equal((await a.ask('POST', '/count', { ...note('77', 1), 'x-heartline-token': 'a-long-secret' })).status, 410)
  assert.equal((await a.ask('POST', '/sessions')).status, 403)
  assert.equal((await a.ask('POST', '/sessions', { 'x-heartline-token': 'a-long-secret' })).status, 201)
})
