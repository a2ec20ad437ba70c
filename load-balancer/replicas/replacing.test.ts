import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { it, type TestContext } from 'node:test'
import { capturedLog } from '../../heartbeat-receiver/captured-log.ts'
import { runBalancer } from '../balancer.ts'
import { balancerOptions } from '../config.ts'
import { FakeFollower } from '../test-cluster.ts'
import { isAlive, serverCommandLine, until } from './test-server.ts'

/** A balancer with no receivers that spawns its servers itself. */
async function startBalancer(t: TestContext, options: Record<string, unknown>) {
  const { log, lines } = capturedLog()
  const stop = new AbortController()
  const given = {
    port: 0,
    adminPort: 0,
    receivers: 'none',
    strategy: 'round-robin',
    spawn: serverCommandLine('serves'),
  }
  const parsed = balancerOptions.parse({ ...given, ...options })
  const balancer = await runBalancer(parsed, new FakeFollower(), log, stop.signal)
  const agent = new Agent({ keepAlive: true })
  const end = async () => {
    agent.destroy()
    stop.abort()
    await balancer.done
  }
  t.after(end)
  const ask = async (base: string, path: string, method = 'GET', body?: object) => {
    const sent = body && JSON.stringify(body)
    const headers = sent ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) } : {}
    const asked = request(new URL(path, base), { method, agent, headers })
    asked.end(sent)
    const [response] = await once(asked, 'response')
    return { status: response.statusCode as number, text: await text(response) }
  }
  const rep = async () => JSON.parse((await ask(balancer.adminUrl, '/rep')).text).message
  const get = () => ask(balancer.url, '/')
  /** Name → pid of who answers. */
  const seen = async (requests: number) => {
    const answers: string[] = []
    for (let sent = 0; sent < requests; sent += 1) answers.push((await get()).text)
    return new Map(answers.map((answer) => answer.split(' ')).map(([name, pid]) => [name!, Number(pid)]))
  }
  return { balancer, ask, rep, get, seen, lines, end }
}

it('three servers are kept: one that is killed is replaced, and no client sees an error', async (t) => {
  const { rep, get, seen, lines, end } = await startBalancer(t, { replicas: '3' })
  assert.deepEqual(await rep(), { N: 3, replicas: ['server-1', 'server-2', 'server-3'] })
  await until(() => lines.filter(({ event }) => event === 'joined').length === 3, 'three members')
  const before = await seen(6)
  assert.equal(before.size, 3)

  const going = new AbortController()
  const statuses: number[] = []
  const client = async () => {
    while (!going.signal.aborted) statuses.push((await get()).status)
  }
  const clients = [client(), client(), client(), client()]
  process.kill(before.get('server-2')!, 'SIGKILL')
  await until(() => lines.filter(({ event }) => event === 'joined').length === 4, 'the replacement')
  const since = statuses.length
  await until(() => statuses.length > since + 20, 'further answers')
  going.abort()
  await Promise.all(clients)
  assert.deepEqual([...new Set(statuses)], [200])

  const after = await seen(6)
  assert.deepEqual([...after.keys()].sort(), ['server-1', 'server-2', 'server-3'])
  assert.notEqual(after.get('server-2'), before.get('server-2'))
  await end()
  assert.deepEqual([...after.values()].filter(isAlive), [])
})

it('servers are added and removed while clients are served', async (t) => {
  const { balancer, ask, rep, seen, lines, end } = await startBalancer(t, { replicas: '1' })
  const added = await ask(balancer.adminUrl, '/add', 'POST', { n: 2, hostnames: ['S5'] })
  assert.deepEqual(JSON.parse(added.text), {
    message: { N: 3, replicas: ['S5', 'server-1', 'server-2'] },
    status: 'successful',
  })
  await until(() => lines.filter(({ event }) => event === 'joined').length === 3, 'three members')
  const three = await seen(6)
  assert.deepEqual([...three.keys()].sort(), ['S5', 'server-1', 'server-2'])

  assert.equal((await ask(balancer.adminUrl, '/rm', 'DELETE', { n: 2, names: ['server-1'] })).status, 200)
  assert.deepEqual(await rep(), { N: 1, replicas: ['S5'] })
  assert.deepEqual([...(await seen(6)).keys()], ['S5'])
  const refused = await ask(balancer.adminUrl, '/add', 'POST', { n: 2, names: ['S6', '--rm'] })
  assert.equal(refused.status, 400)
  assert.deepEqual(await rep(), { N: 1, replicas: ['S5'] })
  await end()
  assert.deepEqual([...three.values()].filter(isAlive), [])
})

it('options that make no sense together are refused', () => {
  const problems = (options: object) =>
    balancerOptions.safeParse(options).error?.issues.map(({ path }) => path[0]) ?? []
  assert.deepEqual(problems({ replicas: '3' }), ['replicas'])
  assert.deepEqual(problems({ spawn: 'node x', spawnPort: 80 }), ['spawnPort'])
  assert.deepEqual(problems({ spawn: 'node x', spawnNetwork: 'net' }), ['spawnNetwork'])
  for (const replicas of ['many', '-1', '1.5', 'auto', 'auto:3', 'auto:3-2', 'auto:0-2', '1001', 'auto:1-1001'])
    assert.deepEqual(problems({ replicas, spawn: 'x', replicaRate: 1 }), ['replicas'], replicas)
  assert.deepEqual(problems({ replicas: '0', spawn: 'x' }), [])
})
