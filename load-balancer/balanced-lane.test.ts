import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type Cluster, FakeBackend, hang, type SendOptions, startCluster, until } from './test-cluster.ts'
import { memberOf, offerWebSocket, refuseWebSockets, untilStreams } from './test-streams.ts'

/** Three backends without state behind a balancer; `names` are those that the receivers tell of. */
async function startMembers(t: TestContext, options: Record<string, unknown> = {}, names = ['a', 'b', 'c']) {
  const cluster = await startCluster(t, {
    decided: false,
    options: { strategy: 'round-robin', ...options },
  })
  const c = new FakeBackend('c', cluster.journal)
  await c.listen()
  t.after(() => c.kill())
  const backends: Record<string, FakeBackend> = { a: cluster.a, b: cluster.b, c }
  const tell = (told: string[]) => cluster.follower.tell(told.map((name) => memberOf(backends[name]!)))
  tell(names)
  return { ...cluster, c, tell }
}

async function backendsOf(send: Cluster['send'], count: number, options: SendOptions = {}): Promise<string[]> {
  const names: string[] = []
  for (let sent = 0; sent < count; sent++) {
    const reply = await send(options)
    assert.equal(reply.status, 200)
    names.push(String(reply.headers['x-heartline-backend']))
  }
  return names
}

describe('the balanced lane', () => {
  it('sends to the members by the strategy, and says to which', async (t) => {
    const { send } = await startMembers(t)
    assert.deepEqual(await backendsOf(send, 6), ['a', 'b', 'c', 'a', 'b', 'c'])
  })

  it('follows the members as they come and go', async (t) => {
    const { send, tell } = await startMembers(t)
    tell(['b'])
    assert.deepEqual(await backendsOf(send, 2), ['b', 'b'])
    tell(['b', 'c'])
    assert.deepEqual(new Set(await backendsOf(send, 4)), new Set(['b', 'c']))
  })

  it('sends to backends named by hand, with no receiver', async (t) => {
    const { a, b, journal } = await startCluster(t, { decided: false })
    const stateless = await startCluster(t, {
      decided: false,
      options: { strategy: 'round-robin', receivers: 'none', backends: `a=${a.url},b=${b.url}` },
    })
    assert.deepEqual(await backendsOf(stateless.send, 2, { method: 'POST', path: '/x' }), ['a', 'b'])
    assert.deepEqual(journal.applied, ['POST /x ', 'POST /x '])
  })

  it('tells a member nothing of ours', async (t) => {
    const { a, send } = await startMembers(t, { token: 'a-secret-of-the-installation' }, ['a'])
    await send({ method: 'POST', path: '/x' })
    const own = Object.keys(a.requests[0]!.headers).filter((name) => name.startsWith('x-heartline'))
    assert.deepEqual(own, [])
  })

  it('tries another when a connection is refused, whatever the method', async (t) => {
    const { a, journal, send } = await startMembers(t)
    a.kill()
    const names = await backendsOf(send, 6, { method: 'POST', path: '/x' })
    assert.ok(!names.includes('a'))
    assert.equal(journal.applied.length, 6)
  })

  it('tries another when a GET is lost, and leaves a lost POST unknown', async (t) => {
    const { a, b, c, send, tell } = await startMembers(t)
    for (const backend of [a, b, c]) {
      const { answer } = backend
      let lost = false
      backend.answer = (arrival, response, request) => {
        if (lost) return answer(arrival, response, request)
        lost = true
        response.destroy()
      }
    }
    const got = await send({ path: '/x' })
    assert.equal(got.status, 200)
    assert.equal(got.headers['x-heartline-replays'], '3')
    tell(['a'])
    a.answer = (_arrival, response) => response.destroy()
    const posted = await send({ method: 'POST', path: '/x' })
    assert.equal(posted.status, 502)
    assert.equal(JSON.parse(posted.text).outcome, 'unknown')
    assert.equal(posted.headers['x-heartline-backend'], 'a')
  })

  it('asks another for what a member had that left, whatever the budget for retries', async (t) => {
    const { a, send, tell } = await startMembers(t, { retryBudget: 0, retryFloor: 0 }, ['a'])
    a.answer = hang
    const replies = Array.from({ length: 5 }, () => send({ path: '/x' }))
    await until(() => a.requests.length === 5, 'all at a')
    tell(['b'])
    for (const { headers } of await Promise.all(replies)) assert.equal(headers['x-heartline-backend'], 'b')
  })

  it('asks another when a member leaves while it has a GET, and lets it end a POST', async (t) => {
    const { a, send, tell } = await startMembers(t, {}, ['a'])
    const { answer } = a
    a.answer = hang
    const got = send({ path: '/x' })
    const posted = send({ method: 'POST', path: '/y' })
    await until(() => a.requests.length === 2, 'both requests at a')
    tell(['b'])
    assert.equal((await got).headers['x-heartline-backend'], 'b')
    a.answer = answer
    a.answerHung()
    const reply = await posted
    assert.equal(reply.status, 200)
    assert.equal(reply.headers['x-heartline-backend'], 'a')
  })

  it('holds what nobody can take until somebody is there', async (t) => {
    const { send, tell } = await startMembers(t, {}, [])
    const replies = [send({ path: '/1' }), send({ method: 'POST', path: '/2' })]
    tell(['b'])
    for (const reply of await Promise.all(replies)) assert.equal(reply.headers['x-heartline-backend'], 'b')
  })

  it('gives up what is held too long', async (t) => {
    const { send } = await startMembers(t, { holdTimeMs: '50ms' }, [])
    const reply = await send({ path: '/1' })
    assert.equal(reply.status, 503)
    assert.equal(JSON.parse(reply.text).outcome, 'not applied')
  })

  it('sends what has the same key to the same member', async (t) => {
    const { send } = await startMembers(t, { strategy: 'consistent-hash', hashKey: 'header:x-user' })
    const users = Array.from({ length: 12 }, (_, index) => `user-${index}`)
    const homes = new Set<string>()
    for (const user of users) {
      const names = new Set(await backendsOf(send, 3, { headers: { 'x-user': user } }))
      assert.equal(names.size, 1)
      for (const name of names) homes.add(name)
    }
    assert.ok(homes.size > 1)
  })

  it('leaves a member that keeps failing alone, and says so', async (t) => {
    const { a, logs, send } = await startMembers(t)
    a.answer = (_arrival, response) => {
      response.writeHead(503)
      response.end()
    }
    for (let sent = 0; sent < 30; sent++) await send({})
    const opened = logs.find(({ event, to }) => event === 'breaker' && to === 'open')
    assert.equal(opened?.backend, 'a')
    assert.ok(a.requests.length < 10, `${a.requests.length} requests`)
  })
})
describe('a backend that is full', () => {
  it('is waited for, rather than asking one that fails', async (t) => {
    const { a, b, send } = await startMembers(t, { backendRequests: 1 }, ['a', 'b'])
    const failing = (_arrival: unknown, response: { writeHead(status: number): void; end(): void }) => {
      response.writeHead(503)
      response.end()
    }
    b.answer = failing
    for (let sent = 0; sent < 20; sent++) await send({})
    const asked = b.requests.length
    const { answer } = a
    a.answer = hang
    const replies = [send({ path: '/1' }), send({ path: '/2' })]
    await until(() => a.requests.some(({ url }) => url === '/1'), 'the first at a')
    a.answer = answer
    a.answerHung()
    for (const reply of await Promise.all(replies)) assert.equal(reply.status, 200)
    assert.equal(b.requests.length, asked)
  })
})

describe('a WebSocket', () => {
  it('that found every member full goes as soon as one has room', async (t) => {
    const cluster = await startMembers(t, { backendRequests: 1 }, ['a'])
    const { a, balancer, send } = cluster
    refuseWebSockets(a)
    const { answer } = a
    a.answer = hang
    const slow = send({ path: '/slow' })
    await until(() => a.requests.length === 1, 'the member is full')
    const answered = offerWebSocket(t, balancer.port)
    await untilStreams(cluster, 1)
    a.answer = answer
    a.answerHung()
    assert.equal((await slow).status, 200)
    assert.match(await answered, /^HTTP\/1.1 418/)
  })
})

describe('a change of strategy', () => {
  const put = (url: string, body: unknown) =>
    fetch(`${url}/strategy`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  it('takes held requests along', async (t) => {
    const { send, balancer } = await startMembers(t, { strategy: 'active' })
    const held = send({ path: '/1' })
    const reply = await put(balancer.adminUrl, { strategy: 'least-connections' })
    assert.equal(reply.status, 200)
    assert.equal((await held).status, 200)
    const shown = (await (await fetch(`${balancer.adminUrl}/strategy`)).json()) as { strategy: string }
    assert.equal(shown.strategy, 'least-connections')
  })

  it('back to active sends all to the active, exactly once', async (t) => {
    const { a, b, journal, follower, send, balancer } = await startMembers(t, {})
    follower.decide(b.decision(3))
    assert.equal((await put(balancer.adminUrl, { strategy: 'active' })).status, 200)
    await send({ method: 'POST', path: '/x' })
    assert.equal(a.requests.length, 0)
    assert.equal(journal.sessions.size, 1)
  })

  it('is refused with one line if it is none', async (t) => {
    const { balancer } = await startMembers(t)
    for (const body of [
      { strategy: 'fastest' },
      {},
      { strategy: 'weighted', hashBound: -1 },
      { strategy: 'weighted', x: 1 },
    ]) {
      const reply = await put(balancer.adminUrl, body)
      assert.equal(reply.status, 400)
      assert.match(JSON.stringify(await reply.json()), /expected|unrecognized|invalid/i)
    }
  })
})
