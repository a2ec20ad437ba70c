/** What the endpoints behind the dashboard do, and what they refuse, over HTTP. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { receiverOptions } from '../config.ts'
import { heartbeatOf, joinBackend, startTestReceiver, type TestReceiver } from '../test-receiver.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever was answered
type Answer = { status: number; headers: IncomingMessage['headers']; body: any }

/** By hand: `fetch` sets `Host` and the like itself. */
function call(
  { base }: TestReceiver,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
): Promise<Answer> {
  const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = request(`${base}${path}`, { method, headers: { ...json, ...headers } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => {
        const whole = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode!, headers: response.headers, body: whole && JSON.parse(whole) })
      })
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : text)
  })
}

const secret = 'a-secret-token'
const bearer = { authorization: `Bearer ${secret}` }
const cookieOf = (answer: Answer) => answer.headers['set-cookie']?.[0]?.split(';')[0] ?? ''

/** a leads with epoch 1, b follows. */
async function startPair(t: TestContext, options: Parameters<typeof startTestReceiver>[1] = {}) {
  const receiver = await startTestReceiver(t, options)
  const more = options.token === undefined ? {} : { token: options.token }
  const a = await joinBackend(t, receiver, 'a', more)
  await a.hear('lead')
  a.say(heartbeatOf({ sequence: 2, phase: 'active', reign: [1, 0], journalReign: [1, 0] }))
  await a.hear('ack', ({ sequence }) => sequence === 2)
  const b = await joinBackend(t, receiver, 'b', more)
  b.say(heartbeatOf({ sequence: 2, journalReign: [1, 0] }))
  await b.hear('ack', ({ sequence }) => sequence === 2)
  return { receiver, a, b }
}

/** As a kill hook would be; keeps what it is asked. */
async function startHook(t: TestContext, status = 200) {
  const asked: { path: string; body: string }[] = []
  const server = createServer(async (incoming, response) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    asked.push({ path: incoming.url!, body })
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}/hidden-path`, asked }
}

describe('a browser’s session', () => {
  it('is given for the token, counts like it for all of /api, and ends when it is asked to', async (t) => {
    const receiver = await startTestReceiver(t, { token: secret })
    assert.deepEqual((await call(receiver, 'GET', '/api/session')).body, { needed: true, given: false })
    const given = await call(receiver, 'POST', '/api/session', { body: { token: secret } })
    assert.equal(given.status, 200)
    assert.match(
      given.headers['set-cookie']![0]!,
      /^heartline-session-[\w.~-]+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    )
    const headers = { cookie: cookieOf(given) }
    assert.deepEqual((await call(receiver, 'GET', '/api/session', { headers })).body, { needed: true, given: true })
    for (const path of ['/api/board', '/api/backends', '/api/decisions'])
      assert.equal((await call(receiver, 'GET', path, { headers })).status, 200, path)
    assert.equal((await call(receiver, 'POST', '/api/handover', { headers, body: {} })).status, 409)
    assert.equal((await call(receiver, 'GET', '/metrics', { headers })).status, 401, 'no browser needs these')
    const ended = await call(receiver, 'DELETE', '/api/session', { headers })
    assert.match(ended.headers['set-cookie']![0]!, /^heartline-session-[\w.~-]+=; .*Max-Age=0$/)
    assert.equal((await call(receiver, 'GET', '/api/board', { headers })).status, 401)
  })

  it('is given for nothing else, and no token is ever written down', async (t) => {
    const receiver = await startTestReceiver(t, { token: secret })
    for (const body of [{ token: 'another' }, { token: '' }]) {
      const answer = await call(receiver, 'POST', '/api/session', { body })
      assert.deepEqual([answer.status, answer.headers['set-cookie']], [401, undefined])
    }
    for (const body of [{}, { token: 5 }, []])
      assert.equal((await call(receiver, 'POST', '/api/session', { body })).status, 400)
    assert.equal((await call(receiver, 'POST', '/api/session', { body: '{' })).status, 400)
    assert.equal((await call(receiver, 'POST', '/api/session', { body: { token: 'x'.repeat(5_000) } })).status, 413)
    const given = await call(receiver, 'POST', '/api/session', { body: { token: secret } })
    const forged = { cookie: `${cookieOf(given).split('=')[0]}=undefined` }
    assert.equal((await call(receiver, 'GET', '/api/board', { headers: forged })).status, 401)
    assert.ok(!receiver.lines.some((line) => /a-secret-token|another/.test(JSON.stringify(line))))
  })

  it('is not needed where there is no token', async (t) => {
    const receiver = await startTestReceiver(t)
    assert.deepEqual((await call(receiver, 'GET', '/api/session')).body, { needed: false, given: true })
  })
})

describe('a button', () => {
  it('hands over, and says between whom and how long it took', async (t) => {
    const { receiver, a, b } = await startPair(t)
    const handing = call(receiver, 'POST', '/api/handover', { body: { to: 'b' } })
    await a.hear('yield')
    a.say({ type: 'yielded', epoch: 1 })
    await b.hear('lead')
    b.say(heartbeatOf({ sequence: 3, phase: 'active', reign: [2, 0], journalReign: [2, 0] }))
    const { status, body } = await handing
    const { tookMs, ...result } = body
    assert.deepEqual([status, result], [200, { shard: 0, from: 'a', to: 'b', epoch: 2 }])
    assert.ok(tookMs > 0)
    const board = (await call(receiver, 'GET', '/api/board')).body
    assert.equal(board.reigns.at(-1).planned, true)
    assert.ok(receiver.lines.some(({ event, what }) => event === 'asked' && what === 'handover'))
  })

  it('says why a handover is not done', async (t) => {
    const { receiver, b } = await startPair(t)
    const unknown = await call(receiver, 'POST', '/api/handover', { body: { to: 'x' } })
    assert.deepEqual([unknown.status, unknown.body.failure], [404, 'unknown-name'])
    assert.equal(unknown.headers['content-type'], 'application/problem+json; charset=utf-8')
    assert.match(unknown.body.title, /no backend is called x; there are a, b/)
    b.kill()
    await b.closed
    const nobody = await call(receiver, 'POST', '/api/handover', { body: {} })
    assert.equal(nobody.status, 409)
    assert.equal((await call(receiver, 'POST', '/api/handover', { body: { to: 'not a name!' } })).status, 400)
  })

  it('drains and undrains, and says why it does not', async (t) => {
    const { receiver, b } = await startPair(t)
    const old = await call(receiver, 'POST', '/api/drain', { body: { name: 'b', draining: true } })
    assert.deepEqual([old.status, old.body.failure], [409, 'not-ready'])
    const c = await joinBackend(t, receiver, 'c', { takes: ['drain'] })
    for (const draining of [true, false]) {
      const asked = call(receiver, 'POST', '/api/drain', { body: { name: 'c', draining } })
      await c.hear('drain', (message) => message.draining === draining)
      c.say(heartbeatOf({ sequence: draining ? 5 : 6, journalReign: [1, 0], ...(draining && { draining }) }))
      const { status, body } = await asked
      assert.deepEqual([status, body], [200, { name: 'c', draining }])
      const { backends, can } = (await call(receiver, 'GET', '/api/board')).body
      assert.deepEqual([backends[2].draining, can.drain], [draining, true])
    }
    for (const body of [{ name: 'c' }, { draining: true }, { name: 'c', draining: 'yes' }])
      assert.equal((await call(receiver, 'POST', '/api/drain', { body })).status, 400)
    assert.equal((await call(receiver, 'POST', '/api/drain', { body: { name: 'x', draining: true } })).status, 404)
    b.kill()
  })

  it('is answered also if the receiver stops meanwhile', async (t) => {
    const { receiver, a } = await startPair(t)
    const handing = call(receiver, 'POST', '/api/handover', { body: {} })
    await a.hear('yield')
    const stopping = receiver.stop()
    assert.deepEqual((await handing).body.failure, 'not-leading')
    await stopping
  })

  it('kills by the hook, which nobody is told', async (t) => {
    const hook = await startHook(t)
    const { receiver } = await startPair(t, { killHook: hook.url })
    assert.equal((await call(receiver, 'GET', '/api/board')).body.can.kill, true)
    const killed = await call(receiver, 'POST', '/api/kill', { body: { name: 'b' } })
    assert.deepEqual([killed.status, killed.body], [200, { name: 'b', killed: true }])
    assert.deepEqual(hook.asked, [{ path: '/hidden-path', body: '{"name":"b"}' }])
    assert.equal((await call(receiver, 'POST', '/api/kill', { body: { name: 'x' } })).status, 404)
    assert.equal(hook.asked.length, 1, 'only who is there')
    const told = JSON.stringify([receiver.lines, (await call(receiver, 'GET', '/api/board')).body])
    assert.ok(!told.includes('hidden-path'))
  })

  it('says that the hook did not, without its address', async (t) => {
    const hook = await startHook(t, 500)
    const { receiver } = await startPair(t, { killHook: hook.url })
    const failed = await call(receiver, 'POST', '/api/kill', { body: { name: 'b' } })
    assert.deepEqual([failed.status, failed.body.title], [502, 'the kill hook answers 500'])
  })

  it('kills nobody where there is no hook, and a hook is on this machine or none', async (t) => {
    const { receiver } = await startPair(t)
    assert.equal((await call(receiver, 'POST', '/api/kill', { body: { name: 'b' } })).status, 404)
    assert.equal((await call(receiver, 'GET', '/api/board')).body.can.kill, false)
    for (const killHook of [
      'http://10.0.0.1/x',
      'http://localhost.evil/x',
      'https://127.0.0.1/x',
      'ftp://127.0.0.1',
      'x',
    ])
      assert.equal(receiverOptions.safeParse({ killHook }).success, false, killHook)
    for (const killHook of ['http://127.0.0.1:1/x', 'http://[::1]:1/x', 'http://localhost/x'])
      assert.equal(receiverOptions.safeParse({ killHook }).success, true, killHook)
  })
})

describe('what is refused', () => {
  const buttons = [
    ['POST', '/api/handover', {}],
    ['POST', '/api/drain', { name: 'b', draining: true }],
    ['POST', '/api/kill', { name: 'b' }],
    ['POST', '/api/session', { token: secret }],
    ['DELETE', '/api/session', undefined],
  ] as const

  it('a button without the token, or with another', async (t) => {
    const receiver = await startTestReceiver(t, { token: secret, killHook: 'http://127.0.0.1:1/' })
    for (const headers of [{}, { authorization: 'Bearer another' }, { cookie: 'heartline-session=x' }] as object[])
      for (const [method, path, body] of buttons.slice(0, 3))
        assert.equal((await call(receiver, method, path, { body, headers: { ...headers } })).status, 401, path)
  })

  it('a button that a page of another site presses, whatever it knows', async (t) => {
    const receiver = await startTestReceiver(t, { token: secret })
    const session = cookieOf(await call(receiver, 'POST', '/api/session', { body: { token: secret } }))
    const host = new URL(receiver.base).host
    for (const more of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: `http://${host}`, 'sec-fetch-site': 'cross-site' },
    ] as object[])
      for (const [method, path, body] of buttons) {
        const headers = { ...bearer, cookie: session, ...more }
        assert.equal(
          (await call(receiver, method, path, { body, headers })).status,
          403,
          `${path} ${JSON.stringify(more)}`,
        )
      }
    const own = { ...bearer, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
    assert.equal((await call(receiver, 'POST', '/api/handover', { body: {}, headers: own })).status, 409)
  })

  it('a body that a form can send', async (t) => {
    const receiver = await startTestReceiver(t, { token: secret })
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
    ])
      for (const [method, path, body] of buttons.slice(0, 4)) {
        const headers = { ...bearer, 'content-type': type }
        assert.equal((await call(receiver, method, path, { body, headers })).status, 415, `${path} ${type}`)
      }
  })

  it('without a token, whoever comes by another name than that of this machine', async (t) => {
    const receiver = await startTestReceiver(t)
    const { port } = new URL(receiver.base)
    for (const path of ['/api/board', '/api/board/events', '/api/backends', '/api/session'])
      assert.equal((await call(receiver, 'GET', path, { headers: { host: `evil.example:${port}` } })).status, 403, path)
    for (const [method, path, body] of buttons) {
      const headers = {
        host: `evil.example:${port}`,
        origin: `http://evil.example:${port}`,
        'sec-fetch-site': 'same-origin',
      }
      assert.equal((await call(receiver, method, path, { body, headers })).status, 403, path)
    }
    assert.equal((await call(receiver, 'GET', '/api/board', { headers: { host: `localhost:${port}` } })).status, 200)
    assert.equal((await call(receiver, 'GET', '/healthz', { headers: { host: 'probe.example' } })).status, 200)
    const named = await startTestReceiver(t, { token: secret })
    const headers = { ...bearer, host: 'receiver.example' }
    assert.equal((await call(named, 'GET', '/api/board', { headers })).status, 200, 'with a token any name will do')
  })
})
