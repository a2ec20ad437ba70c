/** Real worker processes on one port, before backends with real sockets. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Logger, pino } from 'pino'
import { balancerOptions } from '../config.ts'
import { FakeBackend, FakeFollower, hang, Journal, send } from '../test-cluster.ts'
import { optionsOfWorker } from './shares.ts'
import { SummedMetrics } from './summed-metrics.ts'
import { runWorkers } from './workers.ts'

const skip = process.platform === 'linux' ? false : 'ports are shared on Linux only'

interface Given {
  options?: Record<string, unknown>
  pingIntervalMs?: number
}

/** Two backends, `a` decided under epoch 1, and two workers before them. */
async function startWorkers(t: TestContext, { options = {}, ...timing }: Given = {}) {
  const journal = new Journal()
  const [a, b] = [new FakeBackend('a', journal), new FakeBackend('b', journal)]
  for (const backend of [a, b]) {
    await backend.listen()
    t.after(() => backend.kill())
  }
  const follower = new FakeFollower()
  follower.decide(a.decision(1))
  const logs: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void logs.push(JSON.parse(line)) })
  const stop = new AbortController()
  const given = balancerOptions.parse({ port: 0, adminPort: 0, workers: 2, logLevel: 'fatal', ...options })
  const balancer = await runWorkers(given, follower, log as Logger, stop.signal, timing)
  // A connection of its own for each request, so that both workers get some.
  const agent = new Agent({ keepAlive: false })
  t.after(async () => {
    agent.destroy()
    stop.abort()
    a.answerHung()
    await balancer.done
  })
  /** Process ids of the workers as they began to listen, oldest first. */
  const pids = () => logs.filter(({ to }) => to === 'listening').map(({ workerPid }) => workerPid as number)
  const post = (index: number, headers = {}) =>
    send(balancer.url, agent, { method: 'POST', path: `/seats/${index}`, body: `${index}`, headers })
  const admin = (path: string, init?: RequestInit) => fetch(new URL(path, balancer.adminUrl), init)
  const metric = async (pattern: RegExp) => Number(pattern.exec(await (await admin('/metrics')).text())?.[1])
  return { a, b, journal, follower, balancer, logs, agent, stop, pids, post, admin, metric }
}

const many = <Result>(count: number, make: (index: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)))

const answered =
  /^http_request_duration_seconds_count\{method="POST",code="200",handler="\/seats",backend="a"\} (\d+)$/m

/** Tries until `condition` holds: what is told to the workers arrives in its own time. */
async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('workers', { skip }, () => {
  it('share the connections, and each opens a session of its own', async (t) => {
    const { journal, follower, post, pids } = await startWorkers(t)
    assert.equal(new Set(pids()).size, 2)
    const answers = await many(40, post)
    assert.ok(answers.every(({ status }) => status === 200))
    assert.equal(journal.sessions.size, 2)
    assert.equal(journal.applied.length, 40)
    assert.deepEqual(
      follower.firstAnswers.map(({ epoch }) => epoch),
      [1, 1],
      'each worker tells its own',
    )
    await eventually(
      () => follower.told.some(({ requestsPerSecond }) => requestsPerSecond > 0),
      'figures of all of them',
    )
  })

  it('have one view: a decision moves all of them, and so does a change of the strategy', async (t) => {
    const { a, b, follower, post, admin } = await startWorkers(t)
    await many(20, post)
    follower.decide(b.decision(2))
    await eventually(async () => {
      const answers = await many(20, post)
      assert.ok(answers.every(({ status }) => status === 200))
      return answers.every(({ headers }) => headers['x-heartline-backend'] === 'b')
    }, 'all workers send to b')

    const member = (backend: FakeBackend) => ({
      ...{ name: backend.name, incarnation: backend.incarnation, url: backend.url, weight: 1 },
      ...{ exactlyOnce: true, phase: 'standby' as const, lag: 0 },
    })
    follower.tell([member(a), member(b)])
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ strategy: 'round-robin' })
    const changed = await admin('/strategy', { method: 'PUT', headers, body })
    assert.equal(((await changed.json()) as { strategy: string }).strategy, 'round-robin')
    assert.equal((await admin('/strategy', { method: 'PUT', headers, body: '{"strategy":"magic"}' })).status, 400)
    await eventually(async () => {
      a.arrivals.length = b.arrivals.length = 0
      await many(20, post)
      return a.requests.length === 10 && b.requests.length === 10
    }, 'all workers take turns')
  })

  it('are replaced when they die, and what they counted stays', async (t) => {
    const { pids, post, metric } = await startWorkers(t)
    await many(30, post)
    assert.equal(await metric(answered), 30)
    const [first] = pids() as [number]
    process.kill(first, 'SIGKILL')
    await eventually(() => pids().length === 3, 'a third worker')
    assert.ok(!isThere(first))
    assert.equal(await metric(/^heartline_workers (\d+)$/m), 2)
    await many(10, post)
    assert.equal(await metric(answered), 40)
    assert.equal(await metric(/^heartline_epoch\{shard="0"\} (\d+)$/m), 1)
  })

  it('that begin late see what was decided before', async (t) => {
    const { b, follower, pids, post } = await startWorkers(t)
    follower.decide(b.decision(2))
    for (const pid of pids()) process.kill(pid, 'SIGKILL')
    await eventually(() => pids().length === 4, 'two more workers')
    const answers = await many(20, post)
    assert.ok(answers.every(({ headers }) => headers['x-heartline-backend'] === 'b'))
  })

  it('that hang are killed and replaced', async (t) => {
    const { pids, post } = await startWorkers(t, { pingIntervalMs: 200 })
    const [first] = pids() as [number]
    process.kill(first, 'SIGSTOP')
    await eventually(() => pids().length === 3, 'a third worker')
    assert.ok(!isThere(first))
    await many(10, post)
  })

  it('apply each POST once across a failover, and tell the receivers of a dead backend', async (t) => {
    const { a, b, journal, follower, post } = await startWorkers(t)
    await many(10, post)
    a.answer = (arrival) => void a.record(arrival) // applied, and never answered
    const underWay = many(60, (index) => post(100 + index))
    await eventually(() => a.requests.length >= 40, 'requests at the active')
    a.kill()
    await eventually(() => follower.reports.length > 0, 'a report')
    assert.deepEqual(follower.reports[0], { incarnation: 'a-1', epoch: 1, kind: 'refused' })
    follower.decide(b.decision(2))
    const answers = await underWay
    assert.ok(answers.every(({ status }) => status === 200))
    assert.equal(journal.applied.length, 70)
    assert.equal(new Set(journal.applied).size, 70)
    assert.equal(journal.sessions.size, 2)
  })

  it('end in order with their parent: what is under way is answered', async (t) => {
    const { a, pids, post, stop, balancer } = await startWorkers(t)
    await many(20, post)
    a.answer = hang
    a.arrivals.length = 0
    const underWay = many(10, post)
    await eventually(() => a.arrivals.length === 10, 'requests at the active')
    stop.abort()
    const refused = () =>
      fetch(balancer.url).then(
        () => false,
        () => true,
      )
    await eventually(refused, 'no more connections are taken')
    a.answer = (arrival, response) => a.apply(arrival, response)
    a.answerHung()
    for (const { status } of await underWay) assert.equal(status, 200)
    await balancer.done
    assert.ok(pids().every((pid) => !isThere(pid)))
  })

  it('do not outlive a parent that is killed', async (t) => {
    const main = fileURLToPath(new URL('../../compose/main.ts', import.meta.url))
    const args = ['balancer', '--workers', '2', '--port', '0', '--admin-port', '0', '--receivers', 'none']
    const parent = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => parent.kill('SIGKILL'))
    const pids: number[] = []
    for await (const line of createInterface({ input: parent.stdout })) {
      const { event, workerPid } = JSON.parse(line) as { event?: string; workerPid?: number }
      if (workerPid !== undefined) pids.push(workerPid)
      if (event === 'listening') break
    }
    assert.equal(pids.length, 2)
    parent.kill('SIGKILL')
    await eventually(() => pids.every((pid) => !isThere(pid)), 'the end of the workers')
  })

  it('do not share a port with another balancer', async (t) => {
    const { balancer } = await startWorkers(t)
    const other = balancerOptions.parse({ port: balancer.port, adminPort: 0, workers: 2, receivers: 'none' })
    const starting = runWorkers(other, new FakeFollower(), pino({ level: 'silent' }), AbortSignal.timeout(1))
    await assert.rejects(starting, { code: 'PORT_IN_USE', message: /--port$/ })
  })

  it('are not started if the certificate cannot be read', async () => {
    const files = { tlsCert: '/nowhere.crt', tlsKey: '/nowhere.key' }
    const options = balancerOptions.parse({ port: 0, adminPort: 0, workers: 2, receivers: 'none', ...files })
    const starting = runWorkers(options, new FakeFollower(), pino({ level: 'silent' }), AbortSignal.timeout(1))
    await assert.rejects(starting, { name: 'TlsError', message: /nowhere/ })
  })

  it('are all gone if the admin port is in use', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1')
    t.after(() => taken.close())
    await once(taken, 'listening')
    const { port: adminPort } = taken.address() as AddressInfo
    const options = balancerOptions.parse({ port: 0, adminPort, workers: 2, receivers: 'none', logLevel: 'fatal' })
    const starting = runWorkers(options, new FakeFollower(), pino({ level: 'silent' }), new AbortController().signal)
    await assert.rejects(starting, { code: 'PORT_IN_USE', message: /--admin-port$/ })
  })
})

it('all workers together keep to the bounds of the balancer, and follow nobody themselves', () => {
  const options = balancerOptions.parse({ workers: 3, backends: 'http://127.0.0.1:1', retryFloor: 9 })
  const worker = optionsOfWorker(options, 3)
  assert.equal(worker.holdRequests, Math.ceil(10_000 / 3))
  assert.equal(worker.holdBytes, Math.ceil((64 * 1024 ** 2) / 3))
  assert.equal(worker.backendRequests, Math.ceil(256 / 3))
  assert.equal(worker.retryFloor, 3)
  assert.deepEqual([worker.receivers, worker.backends], [[], []])
  assert.equal(worker.connections, Math.ceil(16_384 / 3))
  const unbounded = optionsOfWorker(balancerOptions.parse({ requestsPerClient: 0, connectionsPerClient: 0 }), 3)
  assert.deepEqual([unbounded.requestsPerClient, unbounded.connectionsPerClient], [0, 0])
})

it('of a worker that is gone only what grows is kept', async () => {
  const value = { value: 5, labels: {} }
  const counted = (name: string, type: string) => ({ name, type, help: name, values: [value], aggregator: 'sum' })
  const metrics = new SummedMetrics(() => 1)
  metrics.workers = async () => [[counted('done', 'counter'), counted('held', 'gauge')] as never]
  for (let gone = 0; gone < 2; gone++)
    await metrics.departed([counted('done', 'counter'), counted('held', 'gauge')] as never)
  const text = await metrics.text()
  assert.match(text, /^done 15$/m)
  assert.match(text, /^held 5$/m)
})
