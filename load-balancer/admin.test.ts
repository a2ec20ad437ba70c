import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { pino } from 'pino'
import { adminApp, type StrategyControl } from './admin.ts'
import { Membership } from './membership.ts'
import { MemberControl } from './replicas/member-control.ts'

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: { message?: unknown; status?: unknown; [key: string]: unknown }
}

/** An admin port over real HTTP; `ask` sends JSON unless `headers` say otherwise. */
async function startAdmin(t: TestContext, token?: string) {
  const membership = new Membership()
  const members = new MemberControl(membership, undefined, pino({ level: 'silent' }))
  let chosen: unknown = { strategy: 'active' }
  const strategy: StrategyControl = {
    get: () => chosen as object,
    set: (body) => {
      if ((body as { strategy?: unknown }).strategy === 'magic')
        return { ok: false, message: 'strategy: expected active' }
      chosen = body
      return { ok: true }
    },
  }
  const metrics = { contentType: 'text/plain', text: async () => 'a_metric 1\n' }
  const server = createServer(adminApp({ ready: () => true, token, strategy, members, metrics }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const sent = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const type =
      sent === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(sent)) }
    const asked = request({ port, host: '127.0.0.1', method, path, headers: { ...type, ...headers } })
    asked.end(sent)
    const [response] = await once(asked, 'response')
    const read = await text(response)
    const json = /json/.test(response.headers['content-type'] ?? '')
    return {
      status: response.statusCode,
      headers: response.headers,
      body: json ? JSON.parse(read) : { read },
    } as Answer
  }
  const replicas = async () => (await ask('GET', '/rep')).body
  return { ask, membership, replicas }
}

const listed = (...replicas: string[]) => ({ message: { N: replicas.length, replicas }, status: 'successful' })
const a = '127.0.0.1:3001'
const b = '127.0.0.1:3002'

describe('membership by hand', () => {
  it('adds and removes what runs already, in both spellings, and answers with the list', async (t) => {
    const { ask, membership } = await startAdmin(t)
    assert.deepEqual((await ask('GET', '/rep')).body, listed())
    const added = await ask('POST', '/add', { n: 1, names: [a] })
    assert.deepEqual([added.status, added.body], [200, listed(a)])
    assert.deepEqual((await ask('POST', '/add', { n: 1, hostnames: [`http://${b}/`] })).body, listed(a, b))
    assert.deepEqual(
      membership.members.map(({ url }) => url),
      [`http://${a}/`, `http://${b}/`],
    )
    assert.deepEqual((await ask('DELETE', '/rm', { n: 1, hostnames: [a] })).body, listed(b))
    assert.deepEqual((await ask('DELETE', '/rm', { n: 1 })).body, listed())
  })

  const refusals: [what: string, method: string, path: string, body: unknown, says: RegExp][] = [
    [
      'more names than n',
      'POST',
      '/add',
      { n: 1, names: [b, 'x:1'] },
      /Length of hostname list is more than newly added/,
    ],
    ['more names than n', 'DELETE', '/rm', { n: 1, names: [a, b] }, /Length of hostname list is more than removable/],
    ['a name that is there', 'POST', '/add', { n: 2, names: [b, a] }, /"127.0.0.1:3001" is there already/],
    ['a name twice', 'POST', '/add', { n: 2, names: [b, b] }, /is named twice/],
    ['no address', 'POST', '/add', { n: 2, names: [b, 'server-1'] }, /"server-1" is no address: without --spawn/],
    ['too few addresses', 'POST', '/add', { n: 2, names: [b] }, /Without --spawn no backend can be started/],
    ['more than are there', 'DELETE', '/rm', { n: 2 }, /Only 1 replicas are there/],
    ['an unknown name', 'DELETE', '/rm', { n: 1, names: ['nobody'] }, /There is no replica "nobody"/],
    ['no n', 'POST', '/add', { names: [b] }, /n must be a positive whole number/],
    ['what is no object', 'POST', '/add', [1], /Expected a JSON object/],
    ['what is no JSON', 'POST', '/add', '{"n":', /The body is not JSON/],
  ]
  for (const [what, method, path, body, says] of refusals)
    it(`refuses ${what} at ${path}, and changes nothing`, async (t) => {
      const { ask, replicas } = await startAdmin(t)
      await ask('POST', '/add', { n: 1, names: [a] })
      const answer = await ask(method, path, body)
      assert.deepEqual([answer.status, answer.body.status], [400, 'failure'])
      assert.match(String(answer.body.message), /^<Error> /)
      assert.match(String(answer.body.message), says)
      assert.deepEqual(await replicas(), listed(a))
    })

  it('reads no body beyond its bound', async (t) => {
    const { ask, replicas } = await startAdmin(t)
    const answer = await ask('POST', '/add', { n: 1, names: ['x'.repeat(200_000)] })
    assert.deepEqual([answer.status, answer.body.status], [413, 'failure'])
    assert.deepEqual(await replicas(), listed())
  })
})

describe('the strategy', () => {
  it('is shown, changed, and refused in one line', async (t) => {
    const { ask } = await startAdmin(t)
    assert.deepEqual((await ask('GET', '/strategy')).body, { strategy: 'active' })
    const changed = await ask('PUT', '/strategy', { strategy: 'round-robin' })
    assert.deepEqual([changed.status, changed.body], [200, { strategy: 'round-robin' }])
    const refused = await ask('PUT', '/strategy', { strategy: 'magic' })
    assert.equal(refused.status, 400)
    assert.deepEqual(refused.body, { message: '<Error> strategy: expected active', status: 'failure' })
    assert.deepEqual((await ask('GET', '/strategy')).body, { strategy: 'round-robin' })
  })
})

describe('who may ask', () => {
  const guarded = [
    ['GET', '/rep'],
    ['GET', '/strategy'],
    ['GET', '/metrics'],
    ['POST', '/add'],
    ['DELETE', '/rm'],
    ['PUT', '/strategy'],
  ] as const
  for (const [method, path] of guarded)
    it(`${method} ${path} needs the token where there is one`, async (t) => {
      const { ask } = await startAdmin(t, 'hush')
      const body = method === 'GET' ? undefined : { n: 1, names: [a] }
      for (const headers of [{}, { authorization: 'Bearer hus' }, { authorization: 'hush' }] as Record<
        string,
        string
      >[]) {
        const answer = await ask(method, path, body, headers)
        assert.deepEqual([answer.status, answer.headers['www-authenticate']], [401, 'Bearer'])
      }
      assert.notEqual((await ask(method, path, body, { authorization: 'Bearer hush' })).status, 401)
    })

  it('health checks are open', async (t) => {
    const { ask } = await startAdmin(t, 'hush')
    assert.equal((await ask('GET', '/healthz')).status, 200)
    assert.equal((await ask('GET', '/readyz')).status, 200)
  })

  it('a web page cannot change anything: its forms are no JSON', async (t) => {
    const { ask, replicas } = await startAdmin(t)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      assert.equal((await ask('POST', '/add', { n: 1, names: [a] }, { 'content-type': type })).status, 415)
    assert.deepEqual(await replicas(), listed())
  })

  it('a web page whose name was made to point here is told nothing', async (t) => {
    const { ask, replicas } = await startAdmin(t)
    const host = 'evil.example:8081'
    assert.equal((await ask('GET', '/rep', undefined, { host })).status, 403)
    assert.equal((await ask('POST', '/add', { n: 1, names: [a] }, { host })).status, 403)
    assert.deepEqual(await replicas(), listed())
    for (const mine of ['localhost', '[::1]:8081', '127.0.0.1'])
      assert.equal((await ask('GET', '/rep', undefined, { host: mine })).status, 200)
  })
})

it('there is nothing else', async (t) => {
  const { ask } = await startAdmin(t)
  assert.equal((await ask('GET', '/add')).status, 404)
})
