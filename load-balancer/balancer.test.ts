import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { runBalancer } from './balancer.ts'
import { balancerOptions } from './config.ts'
import { FakeFollower, hang, startCluster, until } from './test-cluster.ts'

const quiet = pino({ level: 'silent' })
const start = (options: Record<string, unknown>) =>
  runBalancer(
    balancerOptions.parse({ port: 0, adminPort: 0, ...options }),
    new FakeFollower(),
    quiet,
    AbortSignal.timeout(1),
  )

describe('a balancer does not start', () => {
  it('beyond loopback without a token', async () => {
    await assert.rejects(start({ host: '0.0.0.0' }), { code: 'UNSAFE_LISTEN', message: /--token/ })
    await (await start({ host: '0.0.0.0', token: 'a-secret' })).done
  })

  for (const [key, option] of [
    ['port', '--port'],
    ['adminPort', '--admin-port'],
  ] as const) {
    it(`on a ${key} that is in use, and says which`, async (t) => {
      const other = createServer().listen(0, '127.0.0.1')
      t.after(() => other.close())
      await once(other, 'listening')
      const { port } = other.address() as AddressInfo
      await assert.rejects(start({ [key]: port }), {
        code: 'PORT_IN_USE',
        message: new RegExp(`port ${port}.*${option}$`),
      })
    })
  }

  it('with a strategy that it does not know', () => {
    const { error } = balancerOptions.safeParse({ strategy: 'magic' })
    assert.match(error!.issues[0]!.message, /expected active/)
  })
})

it('the options have the defaults of the contract', () => {
  const { port, adminPort, receivers, holdTimeMs, holdRequests, holdBytes, replayBodyBytes, strategy } =
    balancerOptions.parse({})
  assert.deepEqual(
    { port, adminPort, receivers, holdTimeMs, holdRequests, holdBytes, replayBodyBytes, strategy },
    {
      port: 8080,
      adminPort: 8081,
      receivers: ['ws://127.0.0.1:7070'],
      holdTimeMs: 10_000,
      holdRequests: 10_000,
      holdBytes: 64 * 1024 ** 2,
      replayBodyBytes: 1024 ** 2,
      strategy: 'active',
    },
  )
})

describe('the admin port', () => {
  it('tells health, readiness, strategy and metrics', async (t) => {
    const { a, b, balancer, follower, send } = await startCluster(t)
    await send({ path: '/seats/1?x=y' })
    a.kill()
    const reply = send({ path: '/seats/2' })
    await until(() => follower.reports.length > 0, 'a report')
    follower.decide(b.decision(2))
    await reply
    const get = (path: string) => fetch(`${balancer.adminUrl}${path}`)
    for (const path of ['/healthz', '/readyz']) assert.equal((await get(path)).status, 200)
    assert.equal(((await (await get('/strategy')).json()) as { strategy: string }).strategy, 'active')
    assert.equal((await get('/nothing')).status, 404)
    const text = await (await get('/metrics')).text()
    for (const line of [
      'http_request_duration_seconds_count{method="GET",code="200",handler="/seats",backend="a"} 1',
      'http_request_duration_seconds_bucket{method="GET",code="200",handler="/seats",backend="b",le="+Inf"} 1',
      'heartline_held_requests 0',
      'heartline_epoch{shard="0"} 2',
      'heartline_failover_seconds_count 1',
    ]) {
      assert.ok(text.includes(line), line)
    }
    assert.match(text, /process_cpu_seconds_total/)
  })

  it('is ready all the while that the active cannot be reached: a probe must not send clients away from who holds', async (t) => {
    const { a, b, follower, balancer, send } = await startCluster(t)
    a.kill()
    const reply = send({ method: 'POST', path: '/seats/1' })
    await until(() => follower.reports.length > 0, 'a report')
    assert.equal((await fetch(`${balancer.adminUrl}/readyz`)).status, 200)
    follower.decide(b.decision(2))
    assert.equal((await reply).status, 200)
  })

  it('bounds the labels that clients choose', async (t) => {
    const { balancer, send } = await startCluster(t)
    for (let index = 0; index < 80; index += 1) await send({ path: `/p${index}`, method: index % 2 ? 'GET' : 'REPORT' })
    const text = await (await fetch(`${balancer.adminUrl}/metrics`)).text()
    const handlers = new Set([...text.matchAll(/handler="([^"]+)"/g)].map(([, handler]) => handler))
    assert.ok(handlers.size <= 51)
    assert.match(text, /method="other"/)
  })
})

describe('an orderly stop', () => {
  it('takes no new connections, and lets what is under way finish', async (t) => {
    const { a, balancer, send, stop } = await startCluster(t)
    a.answer = hang
    const reply = send({ path: '/slow' })
    await until(() => a.arrivals.length === 1, 'the request')
    a.answer = (arrival, response) => a.apply(arrival, response)
    stop()
    const socket = connect(balancer.port, '127.0.0.1')
    await assert.rejects(once(socket, 'connect'))
    a.answerHung()
    const { status, headers } = await reply
    assert.deepEqual([status, headers.connection], [200, 'close'])
    await balancer.done
  })

  it('ends what stays idle after a second', async (t) => {
    const { agent, balancer, send, stop } = await startCluster(t)
    await send({})
    assert.equal(Object.values(agent.freeSockets).flat().length, 1)
    const startedMs = performance.now()
    stop()
    await balancer.done
    const tookMs = performance.now() - startedMs
    assert.ok(tookMs > 900 && tookMs < 4_000, `${tookMs} ms`)
  })

  it('answers once more on a connection that was idle, and says that it was the last time', async (t) => {
    const { a, agent, balancer, send, stop } = await startCluster(t)
    await send({})
    assert.equal(Object.values(agent.freeSockets).flat().length, 1)
    stop()
    const { status, headers } = await send({ method: 'POST', body: 'x' })
    assert.deepEqual([status, headers.connection, a.requests.length], [200, 'close', 2])
    const startedMs = performance.now()
    await balancer.done
    assert.ok(performance.now() - startedMs < 800, 'with no connection left it waits for nothing')
  })
})

it('a tunnel is refused', async (t) => {
  const { balancer } = await startCluster(t)
  const socket = connect(balancer.port, '127.0.0.1')
  socket.write('CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 501/)
  await once(socket, 'close')
})

it('a request that is no HTTP gets 400, and the next client is served', async (t) => {
  const { balancer, send } = await startCluster(t)
  const socket = connect(balancer.port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('nonsense\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 400/)
  assert.equal((await send({})).status, 200)
})
