/** The real HAProxy and the real nginx before the backends of a real installation: they follow a failover, and it is counted what that costs clients. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pino from 'pino'
import { findProgram, requireProgram } from '../bench/peers/installed.ts'
import { startPeer, temporaryDirectory } from '../bench/peers/peer-process.ts'
import { testDirectory } from '../checkpoint/test-directory.ts'
import { type Cluster, startCluster } from '../compose/cluster.ts'
import { askBackends, until } from '../compose/demo-watch.ts'
import { freePorts } from '../compose/kafka/ports.ts'
import { BesideClients, type Seen } from './beside/clients.ts'

const run = promisify(execFile)
const log = pino({ level: 'silent' })
const folder = join(import.meta.dirname, '../compose/beside')
/** Longer than any of them needs to follow, on a machine that does other things too, milliseconds. */
const awayMs = 3_000
const calmMs = 1_000
const { signal } = new AbortController()

async function startHeartline(t: TestContext): Promise<Cluster> {
  const directory = await testDirectory(t)
  const cluster = await startCluster({
    ...{ kafka: [`file:${directory.path}`], backends: 3, receivers: 2, ports: 'free', topicPrefix: 'beside', log },
  })
  directory.keep({ close: () => cluster.stop() })
  return cluster
}

/** Who leads and has two standbys that are abreast: what a failover needs. */
async function leader(cluster: Cluster): Promise<string> {
  let name: string | undefined
  const settled = async () => {
    const backends = (await askBackends(cluster.receiverHttp)).filter(({ alive }) => alive)
    name = backends.find(({ phase }) => phase === 'active')?.name
    return name !== undefined && backends.every(({ phase }) => phase === 'active' || phase === 'standby')
  }
  await until(settled, { what: 'an active and its standbys', timeoutMs: 20_000, signal })
  return name!
}

/** The settings that people get, with the places of this installation in them. */
async function settingsFor(cluster: Cluster, file: string, own: Record<string, number>): Promise<string> {
  const place = (name: string) => new URL(cluster.processes.get(name)!.url!.replace(/^ws/, 'http')).host
  const places = new Map([
    ...cluster.backends.map((name, index) => [`127.0.0.1:${9001 + index}`, place(name)] as const),
    ...cluster.receivers.map((name, index) => [`127.0.0.1:${7070 + index}`, place(name)] as const),
    ...Object.entries(own).map(([from, to]) => [from, from.replace(/\d+$/, `${to}`)] as const),
  ])
  const found = new Set<string>()
  const any = new RegExp(`(?:${[...places.keys()].map((from) => from.replaceAll('.', '\\.')).join('|')})(?!\\d)`, 'g')
  const text = (await readFile(join(folder, file), 'utf8')).replaceAll(any, (from) => {
    found.add(from)
    return places.get(from)!
  })
  assert.deepEqual(
    [...places.keys()].filter((from) => !found.has(from)),
    [],
    `places of ${file}`,
  )
  return text
}

interface Proxy {
  readonly url: string
  stop(): Promise<void>
}

async function startHaproxy(cluster: Cluster): Promise<Proxy> {
  const program = await requireProgram('haproxy', 'HAProxy')
  const [port, checks] = (await freePorts('127.0.0.1', 2)) as [number, number]
  const directory = await temporaryDirectory('haproxy')
  const file = join(directory, 'haproxy.cfg')
  const own = { '127.0.0.1:8090': port, '127.0.0.1:7079': checks, 'port 7079': checks }
  await writeFile(file, await settingsFor(cluster, 'haproxy.cfg', own))
  await run(program, ['-c', '-f', file])
  const peer = await startPeer({ file: program, args: ['-db', '-f', file], name: 'HAProxy', port, directory, log })
  return { url: `http://127.0.0.1:${port}`, stop: peer.stop }
}

async function startNginx(cluster: Cluster): Promise<Proxy> {
  const program = await requireProgram('nginx', 'nginx')
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  const directory = await temporaryDirectory('nginx')
  const file = join(directory, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/${kind};`,
  )
  const settings = (await settingsFor(cluster, 'nginx.conf', { '127.0.0.1:8091': port })).replace(
    'http {',
    `http {\n${temporary.join('\n')}`,
  )
  await writeFile(file, `daemon off;\npid ${directory}/nginx.pid;\nerror_log stderr crit;\n${settings}`)
  const args = ['-p', directory, '-c', file, '-e', 'stderr']
  const peer = await startPeer({ file: program, args, name: 'nginx', port, directory, stopSignal: 'SIGQUIT', log })
  return { url: `http://127.0.0.1:${port}`, stop: peer.stop }
}

/** Skipped aloud where they are missing, but never in CI. */
const missing: string[] = []
for (const program of ['haproxy', 'nginx']) if ((await findProgram(program)) === undefined) missing.push(program)
const needsProxies = {
  skip:
    missing.length > 0 && !process.env.CI
      ? `following decisions is not tested: ${missing.join(' and ')} missing`
      : false,
}

const proxies: Record<string, (cluster: Cluster) => Promise<Proxy>> = { HAProxy: startHaproxy, nginx: startNginx }

function line(what: string, { requests, errors, pauseMs }: Seen): string {
  const failed = Object.entries(errors).map(([kind, count]) => `${kind}: ${count}`)
  return `${what}: longest time without a good answer ${Math.round(pauseMs)} ms; errors of ${requests}: ${failed.join(', ') || 'none'}`
}

/** All of them before the same backends, at the same time: what differs is theirs. */
test(
  'each follows the same failovers, and nothing that was acknowledged is lost, or applied twice',
  needsProxies,
  async (t) => {
    const cluster = await startHeartline(t)
    const urls = new Map([['the balancer', cluster.balancerUrl]])
    for (const [name, start] of Object.entries(proxies)) {
      const proxy = await start(cluster)
      t.after(() => proxy.stop())
      urls.set(name, proxy.url)
    }
    for (const [name, url] of urls)
      await until(() => answers(url), { what: `an answer through ${name}`, timeoutMs: 20_000, signal })
    const clients = new Map([...urls].map(([name, url]) => [name, new BesideClients(url, name.replaceAll(' ', '-'))]))
    t.after(() => Promise.all([...clients.values()].map((some) => some.stop())))
    await sleep(calmMs)

    for (const how of ['killed', 'stopped in order'] as const) {
      const active = await leader(cluster)
      const sinceMs = performance.now()
      if (how === 'killed') cluster.processes.get(active)!.kill('SIGKILL')
      else await cluster.processes.stop(active)
      await sleep(awayMs)
      for (const [name, some] of clients) {
        const seen = some.since(sinceMs)
        t.diagnostic(line(`active ${how}, ${name}`, seen))
        assert.ok(seen.lastGoodAgoMs < 1_000, `good answers come through ${name} again`)
        assert.ok(seen.pauseMs < awayMs / 2, `a pause of ${seen.pauseMs} ms through ${name}`)
        if (name === 'the balancer') assert.deepEqual(seen.errors, {})
      }
    }
    for (const [name, some] of clients) {
      await some.stop()
      for (const [counter, { acknowledged, unknown }] of Object.entries(some.writes)) {
        const answer = await fetch(`${cluster.balancerUrl}/counters/${some.counter(counter)}`)
        const { value } = (await answer.json()) as { value: number }
        assert.ok(acknowledged > 20, `${name}: ${acknowledged} writes`)
        assert.ok(
          value >= acknowledged && value <= acknowledged + unknown,
          `${name}: ${value}, ${acknowledged} + ${unknown}`,
        )
      }
    }
  },
)

async function answers(url: string): Promise<boolean> {
  return (await fetch(`${url}/counters/c`).catch(() => null))?.status === 200
}

test(
  'HAProxy and nginx go on when the receiver that they ask dies, and show clients nothing that is not theirs',
  needsProxies,
  async (t) => {
    const cluster = await startHeartline(t)
    const urls: string[] = []
    for (const start of Object.values(proxies)) {
      const proxy = await start(cluster)
      t.after(() => proxy.stop())
      urls.push(proxy.url)
    }
    await leader(cluster)
    const allAnswer = async () => (await Promise.all(urls.map(answers))).every(Boolean)
    await until(allAnswer, { what: 'answers', timeoutMs: 20_000, signal })
    for (const url of urls) {
      for (const path of ['/.heartline/metrics', '/.heartline/readyz', '/.heartline/sessions'])
        assert.equal((await fetch(`${url}${path}`)).status, 404, path)
      const { headers } = await fetch(`${url}/counters/c`, { headers: { 'x-heartline-reads': 'standby 60000' } })
      assert.equal(headers.get('x-heartline-staleness'), null, 'a client cannot speak as a balancer')
    }
    cluster.processes.get(cluster.receivers[0]!)!.kill('SIGKILL')
    await sleep(calmMs)
    await until(allAnswer, { what: 'answers, with one receiver', timeoutMs: 10_000, signal })
    const active = await leader({ ...cluster, receiverHttp: cluster.receiverUrls[1]!.replace(/^ws/, 'http') })
    cluster.processes.get(active)!.kill('SIGKILL')
    await sleep(calmMs)
    await until(allAnswer, { what: 'answers of the next active', timeoutMs: 20_000, signal })
  },
)
