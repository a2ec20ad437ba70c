/** A whole installation with a dashboard: real processes on the embedded journal, a little load, a kill button. */
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type Cluster, startCluster } from '../../compose/cluster.ts'
import { openKillHook } from '../../compose/kill-hook.ts'
import type { BackendView } from '../../heartbeat-receiver/protocol.ts'

const topicPrefix = 'dashboard'
const pollMs = 50
const readyTimeoutMs = 60_000

export interface InstallationOptions {
  readonly backends?: number
  readonly token?: string
  /** Requests a second, one after the other at most so many at a time. Default 60. */
  readonly rate?: number
}

export interface Installation {
  readonly cluster: Cluster
  /** Of the dashboard. */
  readonly url: string
  /** Requests that were not answered well. */
  readonly failures: string[]
  /** Name of the backend that leads. */
  active(): Promise<string>
  /** Resolves once so many backends follow, beside the one that leads. */
  standbys(count: number): Promise<void>
  /** Starts the receiver again where it was. */
  restartReceiver(): Promise<void>
  stop(): Promise<void>
}

export async function startInstallation({
  backends = 3,
  token = '',
  rate = 60,
}: InstallationOptions = {}): Promise<Installation> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-dashboard-'))
  const hook = await openKillHook(async (name) => {
    const killed = cluster.processes.get(name)?.kill('SIGKILL') ?? false
    return killed ? { killed } : { killed, status: 404, reason: `no ${name} here` }
  })
  const cluster: Cluster = await startCluster({
    ...{ kafka: [`file:${directory}`], backends, ports: 'free', topicPrefix, token },
    killHook: hook.url,
    log: pino({ level: 'silent' }),
  })
  const failures: string[] = []
  const load = startLoad(cluster.balancerUrl, rate, failures)
  const views = async () => {
    const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
    return (await (await fetch(`${cluster.receiverHttp}/api/backends`, { headers })).json()) as BackendView[]
  }
  return {
    ...{ cluster, url: `${cluster.receiverHttp}/`, failures },
    active: () =>
      until(
        'somebody leads',
        async () => (await views()).find(({ active, phase }) => active && phase === 'active')?.name,
      ),
    standbys: async (count) => {
      const enough = async () =>
        (await views()).filter((one) => one.alive && one.phase === 'standby' && one.lag < 100).length >= count
      await until(`${count} standbys follow`, async () => (await enough()) || undefined)
    },
    async restartReceiver() {
      const place = [
        '--port',
        new URL(cluster.receiverHttp).port,
        '--kafka',
        `file:${directory}`,
        '--topic-prefix',
        topicPrefix,
      ]
      const env = { HEARTLINE_TOKEN: token, HEARTLINE_KILL_HOOK: hook.url }
      await cluster.processes.start({ name: cluster.receivers[0]!, args: ['receiver', ...place], env })
    },
    async stop() {
      await load.stop()
      await hook.close()
      await cluster.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Requests at a steady rate, each with its own key so that it is exactly once. */
function startLoad(url: string, rate: number, failures: string[]) {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const open = new Set<Promise<void>>()
  const send = () => {
    const sent = increment(`${url}/counters/dashboard/increments`, agent).then(
      (status) => void (status === 200 || failures.push(`status ${status}`)),
      (error: unknown) => void failures.push(String(error)),
    )
    open.add(sent)
    void sent.finally(() => open.delete(sent))
  }
  const timer = rate === 0 ? undefined : setInterval(send, 1_000 / rate)
  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
      agent.destroy()
    },
  }
}

function increment(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0))
      },
    )
    sent.once('error', reject)
    sent.end('{}')
  })
}

async function until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  const endMs = performance.now() + readyTimeoutMs
  for (;;) {
    const value = await look().catch(() => undefined)
    if (value !== undefined) return value
    if (performance.now() > endMs) throw new Error(`not within ${readyTimeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}
