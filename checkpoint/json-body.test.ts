/** `checkpoint.route` and `router` on plain `node:http`: nothing has read the body before. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { createCheckpoint } from './index.ts'
import { memoryJournal } from './memory-journal.ts'
import { routes } from './route.ts'
import type { RouteRequest } from './route-handler.ts'
import { router } from './router.ts'

const log = pino({ level: 'silent' })
const bodyBytesMax = 2_000

/** A service that keeps what it is told, and counts how often it was. */
async function service(t: TestContext) {
  const checkpoint = createCheckpoint({ journal: memoryJournal(), incarnation: 'n1', node: 'n', log })
  await checkpoint.start()
  checkpoint.lead(1)
  await checkpoint.whenLeading(5_000)
  const { route } = routes(checkpoint, { node: 'n', log, bodyBytesMax })
  const kept = checkpoint.map<unknown>('kept')
  const seen: Pick<RouteRequest, 'params' | 'query' | 'body'>[] = []
  const keep = route(({ params, query, body }) => {
    seen.push({ params, query, body })
    kept.set(params.key, body ?? null)
    return { status: 201, body: { key: params.key, runs: seen.length } }
  })
  const show = route(({ params }) => ({ body: { value: kept.get(params.key) ?? null } }))
  const app = router({
    'POST /kept/:key': keep,
    'DELETE /kept/:key': keep,
    'GET /kept/:key': show,
    'GET /plain': (_request, response) => void response.end('plain'),
  })
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => checkpoint.close(0))
  t.after(() => server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  const ask = async (method: string, path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...init })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: text === '' ? null : JSON.parse(text) }
  }
  const post = (
    body: string | Uint8Array<ArrayBuffer> | null,
    headers: Record<string, string> = {},
    path = '/kept/a',
  ) => ask('POST', path, { body, headers: { 'content-type': 'application/json', ...headers } })
  return { port, ask, post, seen }
}

/** A body in pieces, so that it has no length. */
function pieces(...texts: (string | Uint8Array<ArrayBuffer>)[]): RequestInit {
  const body = new ReadableStream({
    async start(controller) {
      for (const text of texts) {
        controller.enqueue(typeof text === 'string' ? new TextEncoder().encode(text) : text)
        await new Promise((resolve) => setImmediate(resolve))
      }
      controller.close()
    },
  })
  return { body, duplex: 'half', headers: { 'content-type': 'application/json' } } as RequestInit
}

test('the body is read as JSON, whole or in pieces, and path and query come with it', async (t) => {
  const { ask, post, seen } = await service(t)
  assert.equal((await post('{"seat":"ü"}')).status, 201)
  assert.equal((await ask('POST', '/kept/b%20c?x=1&y=2&y=3', pieces('[1,', '2', ',3]'))).status, 201)
  const euro = new TextEncoder().encode('"€"')
  assert.equal((await ask('POST', '/kept/d', pieces(euro.slice(0, 2), euro.slice(2)))).status, 201)
  const plain = (entries: object) => Object.assign(Object.create(null), entries)
  assert.deepEqual(seen, [
    { params: plain({ key: 'a' }), query: plain({}), body: { seat: 'ü' } },
    { params: plain({ key: 'b c' }), query: plain({ x: '1', y: ['2', '3'] }), body: [1, 2, 3] },
    { params: plain({ key: 'd' }), query: plain({}), body: '€' },
  ])
  assert.deepEqual((await ask('GET', '/kept/a')).body, { value: { seat: 'ü' } })
})

test('a request without a body has none, whatever it says of its type', async (t) => {
  const { ask, post, seen } = await service(t)
  assert.equal((await post(null)).status, 201)
  assert.equal((await post('')).status, 201)
  assert.equal((await ask('DELETE', '/kept/a')).status, 201)
  assert.deepEqual(
    seen.map(({ body }) => body),
    [undefined, undefined, undefined],
  )
})

test('other types of JSON are read, and what is no JSON in UTF-8 is refused with 415', async (t) => {
  const { post, seen } = await service(t)
  for (const type of [
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'application/merge-patch+json',
  ])
    assert.equal((await post('1', { 'content-type': type })).status, 201, type)
  const refused = [
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'application/json; charset=latin1' },
    { 'content-type': 'application/jsonp' },
    { 'content-encoding': 'gzip' },
  ]
  for (const headers of refused) {
    const { status, body, headers: answered } = await post('1', headers)
    assert.deepEqual(
      [status, body.code, body.outcome, answered.get('content-type')],
      [415, 'BODY_NOT_JSON', 'not applied', 'application/problem+json'],
    )
  }
  assert.equal(seen.length, 3)
})

test('what is not sound JSON is refused with 400 and changes nothing', async (t) => {
  const { ask, post, seen } = await service(t)
  const deep = `${'['.repeat(900)}${']'.repeat(900)}`
  for (const body of ['{', 'undefined', '{"a":1}x', new Uint8Array([34, 0xff, 34]), deep]) {
    const answer = await post(body)
    assert.deepEqual([answer.status, answer.body.code, answer.body.outcome], [400, 'BODY_MALFORMED', 'not applied'])
  }
  assert.equal(seen.length, 0)
  assert.deepEqual((await ask('GET', '/kept/a')).body, { value: null })
})

test('a body above the limit is refused with 413, with a length or without, and the server stays', async (t) => {
  const { ask, post, seen } = await service(t)
  const fits = JSON.stringify('x'.repeat(bodyBytesMax - 2))
  assert.equal((await post(fits)).status, 201)
  assert.equal((await ask('POST', '/kept/a', pieces(fits.slice(0, 900), fits.slice(900)))).status, 201)
  const large = JSON.stringify('x'.repeat(bodyBytesMax - 1))
  for (const answer of [await post(large), await ask('POST', '/kept/a', pieces(large.slice(0, 900), large.slice(900)))])
    assert.deepEqual([answer.status, answer.body.code, answer.body.outcome], [413, 'BODY_TOO_LARGE', 'not applied'])
  assert.equal((await post('1')).status, 201)
  assert.equal(seen.length, 3)
})

/** What a server answers to bytes that go on for ever, until it ends the connection. */
function endless(port: number, head: string): Promise<{ answer: string; sent: number }> {
  const piece = Buffer.from(`4000\r\n${' '.repeat(0x4000)}\r\n`)
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(head))
    let answer = ''
    let sent = 0
    const timer = setInterval(() => {
      if (socket.write(piece)) sent += piece.length
    }, 5)
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      resolve({ answer, sent })
    })
  })
}

test('an upload without end gets its answer, and is then cut', async (t) => {
  const { port, seen } = await service(t)
  const head =
    'POST /kept/a HTTP/1.1\r\nhost: n\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n'
  const { answer, sent } = await endless(port, head)
  assert.match(answer, /^HTTP\/1\.1 413 /)
  assert.ok(sent > bodyBytesMax)
  assert.equal(seen.length, 0)
})

test('an upload that is broken off is not run', async (t) => {
  const { port, ask, seen } = await service(t)
  const heads = ['content-length: 100', 'transfer-encoding: chunked']
  for (const head of heads) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(`POST /kept/a HTTP/1.1\r\nhost: n\r\n${head}\r\n\r\n`)
        socket.write(head.startsWith('content') ? '"half' : '2\r\n42\r\n', () => socket.destroy())
      })
      socket.on('close', () => resolve())
    })
  }
  assert.deepEqual((await ask('GET', '/kept/a')).body, { value: null })
  assert.equal(seen.length, 0)
})

test('HEAD is answered as GET, without the body but with its length', async (t) => {
  const { ask, post } = await service(t)
  await post('{"seat":1}')
  const [get, head] = [await ask('GET', '/kept/a'), await ask('HEAD', '/kept/a')]
  assert.deepEqual([head.status, head.text], [200, ''])
  assert.equal(head.headers.get('content-length'), String(get.text.length))
})

test('an Idempotency-Key stands for the body too: the same one gets the answer again, another is refused', async (t) => {
  const { ask, post, seen } = await service(t)
  const key = { 'idempotency-key': 'k' }
  const first = await post('{"seat": 1}', key)
  const again = await ask('POST', '/kept/a', {
    ...pieces('{"seat"', ':1}'),
    headers: { ...key, 'content-type': 'application/json' },
  })
  assert.deepEqual([again.status, again.body, again.headers.get('idempotency-replayed')], [201, first.body, 'true'])
  assert.deepEqual(
    [(await post('{"seat":2}', key)).status, (await post('{"seat":1}', key, '/kept/b')).status],
    [422, 422],
  )
  assert.equal(seen.length, 1)
})

test('a path that is not there is 404, a method that it has not 405 with those it has, a stray percent sign 400', async (t) => {
  const { ask } = await service(t)
  const answers = [await ask('GET', '/nowhere'), await ask('PUT', '/kept/a'), await ask('POST', '/kept/%')]
  for (const { headers } of answers) assert.equal(headers.get('content-type'), 'application/problem+json')
  assert.deepEqual(
    answers.map(({ status }) => status),
    [404, 405, 400],
  )
  assert.equal(answers[1]!.headers.get('allow'), 'DELETE, GET, HEAD, POST')
})
