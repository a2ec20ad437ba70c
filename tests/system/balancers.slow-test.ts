/** Several balancers over the same backends, and balancers that no receiver tells anything. With real processes, over the embedded journal. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import { type Cluster, startCluster } from '../../compose/cluster.ts'
import { freePorts } from '../../compose/kafka/ports.ts'
import { needsKafka } from '../needs.ts'

const log = pino({ level: 'silent' })

async function startHeartline(t: TestContext, kafka: 'file' | 'kafka', flags: string[] = []): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-balancers-'))
  const cluster = await startCluster({
    ...(kafka === 'file' ? { kafka: [`file:${directory}`] } : {}),
    backends: 2,
    ports: 'free',
    topicPrefix: 'balancers',
    flags: { balancer: flags },
    log,
  })
  t.after(async () => {
    await cluster.stop()
    await rm(directory, { recursive: true, force: true })
  })
  return cluster
}

/** Starts one more balancer; resolves with its URL. */
async function addBalancer(
  t: TestContext,
  { processes, kafka, receiverUrls }: Cluster,
  name: string,
  { receivers = receiverUrls, flags = [] as string[] } = {},
): Promise<string> {
  const journal = ['--kafka', kafka.join(','), '--topic-prefix', 'balancers']
  const place = ['--port', '0', '--admin-port', '0', '--name', name, '--receivers', receivers.join(',')]
  const { url } = await processes.start({ name, args: ['balancer', ...place, ...journal, ...flags] })
  t.after(() => processes.stop(name))
  return url!
}

async function increment(url: string, name: string): Promise<{ status: number; value: number }> {
  const response = await fetch(`${url}/counters/${name}/increments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  const { value } = (await response.json()) as { value: number }
  return { status: response.status, value }
}

async function kill(cluster: Cluster, name: string): Promise<void> {
  const managed = cluster.processes.get(name)!
  managed.kill('SIGKILL')
  await managed.exited
}

async function activeOf(cluster: Cluster): Promise<string> {
  const response = await fetch(`${cluster.receiverHttp}/active`)
  return ((await response.json()) as { name: string }).name
}

for (const kafka of ['file', 'kafka'] as const) {
  const needs = kafka === 'kafka' ? needsKafka : {}
  test(
    `a balancer that starts while there is no receiver finds the active in the journal (${kafka})`,
    needs,
    async (t) => {
      const cluster = await startHeartline(t, kafka)
      assert.deepEqual(await increment(cluster.balancerUrl, 'c'), { status: 200, value: 1 })
      await kill(cluster, 'receiver')
      assert.deepEqual(await increment(cluster.balancerUrl, 'c'), { status: 200, value: 2 }, 'the old one goes on')
      const late = await addBalancer(t, cluster, 'late')
      assert.deepEqual(await increment(late, 'c'), { status: 200, value: 3 })
      const workers = await addBalancer(t, cluster, 'workers', { flags: ['--workers', '2'] })
      assert.deepEqual(await increment(workers, 'c'), { status: 200, value: 4 })
    },
  )
}

test('a balancer that hears no receiver notices a failover by the journal, and others decide', async (t) => {
  const cluster = await startHeartline(t, 'file')
  const [nobody] = await freePorts('127.0.0.1', 1)
  const cut = await addBalancer(t, cluster, 'cut', { receivers: [`ws://127.0.0.1:${nobody}`] })
  assert.deepEqual(await increment(cut, 'c'), { status: 200, value: 1 })
  await kill(cluster, await activeOf(cluster))
  assert.deepEqual(await increment(cut, 'c'), { status: 200, value: 2 })
  assert.deepEqual(await increment(cluster.balancerUrl, 'c'), { status: 200, value: 3 })
})

test('two balancers, each with a session of its own, lose and double nothing when actives are killed', async (t) => {
  const cluster = await startHeartline(t, 'file')
  const urls = [cluster.balancerUrl, await addBalancer(t, cluster, 'second')]
  const acknowledged: { status: number; value: number }[] = []
  let ended = false
  const clients = Array.from({ length: 8 }, async (_, client) => {
    while (!ended) acknowledged.push(await increment(urls[client % 2]!, 'c'))
  })
  for (let kills = 0; kills < 2; kills++) {
    await sleep(300)
    const active = await activeOf(cluster)
    await kill(cluster, active)
    const before = acknowledged.length
    while (acknowledged.length < before + 20) await sleep(10)
    await cluster.startBackend(active)
    while ((await standbys(cluster)) < 1) await sleep(20)
  }
  ended = true
  await Promise.all(clients)
  assert.deepEqual(new Set(acknowledged.map(({ status }) => status)), new Set([200]))
  const values = acknowledged.map(({ value }) => value).sort((a, b) => a - b)
  assert.deepEqual(
    values,
    values.map((_, index) => index + 1),
  )
})

async function standbys(cluster: Cluster): Promise<number> {
  const response = await fetch(`${cluster.receiverHttp}/api/backends`)
  const backends = (await response.json()) as { phase: string; alive?: boolean }[]
  return backends.filter(({ phase }) => phase === 'standby').length
}
