import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { parseReadsHeader, readsHeader } from '../checkpoint/request-headers.ts'
import { connectionsMax } from './forward.ts'
import type { HeardMember } from './membership.ts'
import { type Answer, type Cluster, FakeBackend, hang, refuse, startCluster, until } from './test-cluster.ts'

const memberOf = ({ name, incarnation, url }: FakeBackend, phase: 'active' | 'standby'): HeardMember => {
  return { name, incarnation, url, weight: 1, exactlyOnce: true, phase, lag: 0 }
}

/** Says how old it is where it may be old, as `checkpoint.route` does. */
const stale =
  (name: string, stalenessMs: number): Answer =>
  ({ headers }, response) => {
    response.setHeader('x-heartline-backend', name)
    if (headers[readsHeader] !== undefined) {
      response.setHeader('x-heartline-staleness', stalenessMs)
      response.setHeader('x-heartline-offset', 7)
    }
    response.end(String(headers[readsHeader]))
  }

/** `a` leads; `b` and `c` are its standbys. */
async function startStandbys(t: TestContext, options: Record<string, unknown> = {}) {
  const cluster = await startCluster(t, { options: { reads: 'standby', ...options } })
  const c = new FakeBackend('c', cluster.journal)
  await c.listen()
  t.after(() => c.kill())
  const { a, b, follower } = cluster
  const tell = (standbys: FakeBackend[]) =>
    follower.tell([memberOf(a, 'active'), ...standbys.map((standby) => memberOf(standby, 'standby'))])
  a.answer = stale('a', 0)
  for (const standby of [b, c]) standby.answer = stale(standby.name, 12)
  tell([b, c])
  return { ...cluster, c, tell }
}

async function readersOf(send: Cluster['send'], count: number): Promise<string[]> {
  const names: string[] = []
  for (let sent = 0; sent < count; sent++) {
    const { status, headers } = await send({ path: '/x' })
    assert.equal(status, 200)
    names.push(String(headers['x-heartline-backend']))
  }
  return names
}

describe('reads to standbys', () => {
  it('go to the active once every connection to the standbys is taken', async (t) => {
    const { b, send, tell } = await startStandbys(t)
    tell([b])
    const { answer } = b
    b.answer = hang
    const replies = Array.from({ length: connectionsMax }, () => send({ path: '/x' }))
    await until(() => b.requests.length === connectionsMax, 'all at the standby')
    assert.deepEqual(await readersOf(send, 1), ['a'])
    assert.equal(b.requests.length, connectionsMax)
    b.answer = answer
    b.answerHung()
    for (const { status } of await Promise.all(replies)) assert.equal(status, 200)
  })

  it('go to the standbys in turn, with the limit, and clients are told how old the answer is', async (t) => {
    const { send } = await startStandbys(t, { readsStalenessMs: '250ms' })
    assert.deepEqual(await readersOf(send, 4), ['b', 'c', 'b', 'c'])
    const { headers, text } = await send({ path: '/x' })
    assert.deepEqual([headers['x-heartline-staleness'], headers['x-heartline-offset']], ['12', '7'])
    assert.equal(parseReadsHeader(text), 250)
  })

  it('are not asked for by default, and what writes or must be true now goes to the active', async (t) => {
    const byDefault = await startStandbys(t, { reads: 'active' })
    assert.deepEqual(await readersOf(byDefault.send, 2), ['a', 'a'])
    const { a, send } = await startStandbys(t)
    await send({ method: 'PUT', path: '/x', body: '1' })
    await send({ path: '/x', headers: { 'cache-control': 'no-cache' } })
    assert.deepEqual(
      a.requests.map(({ method, headers }) => [method, headers[readsHeader]]),
      [
        ['PUT', undefined],
        ['GET', undefined],
      ],
    )
  })

  it('cannot be asked for, or limited, by a client', async (t) => {
    const { a, send } = await startStandbys(t, { reads: 'active' })
    await send({ path: '/x', headers: { 'x-heartline-reads': 'standby 99999' } })
    assert.equal(a.requests[0]!.headers[readsHeader], undefined)
  })

  it('go to the active when a standby refuses, with no error; the one that refused is left alone for a moment', async (t) => {
    const { b, c, send } = await startStandbys(t)
    for (const standby of [b, c]) standby.answer = refuse
    const answer = await send({ path: '/x' })
    assert.deepEqual(
      [answer.status, answer.headers['x-heartline-backend'], answer.headers['x-heartline-staleness']],
      [200, 'a', '0'],
    )
    await readersOf(send, 5)
    assert.ok(b.requests.length + c.requests.length < 6)
  })

  it('go to the active when a standby dies with them, or is out because it hangs', async (t) => {
    const { b, c, send, tell } = await startStandbys(t, { holdTimeMs: '10m' })
    b.answer = (_arrival, _response, request) => void request.socket.destroy()
    c.answer = hang
    const both = [send({ path: '/x' }), send({ path: '/x' })]
    await until(() => b.requests.length === 1 && c.requests.length === 1, 'both were asked')
    tell([])
    for (const { status, headers } of await Promise.all(both))
      assert.deepEqual([status, headers['x-heartline-backend']], [200, 'a'])
  })

  it('go to the active when there is no standby, and wait as any request when there is no active either', async (t) => {
    const { a, b, follower, send, tell } = await startStandbys(t)
    tell([])
    assert.deepEqual(await readersOf(send, 1), ['a'])
    a.kill()
    const held = send({ path: '/x' })
    await until(() => follower.reports.length > 0, 'a cannot be reached')
    follower.decide(b.decision(2))
    const { status, headers } = await held
    assert.deepEqual([status, headers['x-heartline-backend']], [200, 'b'])
  })

  it('tell a standby the token, and are counted by what became of them', async (t) => {
    const { b, c, balancer, send } = await startStandbys(t, { token: 'a-secret-of-the-installation' })
    c.answer = refuse
    await readersOf(send, 2)
    assert.equal(b.requests[0]!.headers['x-heartline-token'], 'a-secret-of-the-installation')
    const authorization = 'Bearer a-secret-of-the-installation'
    const text = await (await fetch(`${balancer.adminUrl}/metrics`, { headers: { authorization } })).text()
    assert.match(text, /heartline_standby_reads_total\{result="answered"\} 1\n/)
    assert.match(text, /heartline_standby_reads_total\{result="refused"\} 1\n/)
  })

  it('stop with the strategy: another one takes all requests', async (t) => {
    const { balancer, send } = await startStandbys(t)
    const change = {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"strategy":"round-robin"}',
    }
    assert.equal((await fetch(`${balancer.adminUrl}/strategy`, change)).status, 200)
    assert.deepEqual(new Set(await readersOf(send, 6)), new Set(['a', 'b', 'c']))
  })
})
