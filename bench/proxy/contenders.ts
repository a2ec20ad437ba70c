/** Who takes part: how each is started before an upstream, and what it counts for. */
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { freePorts } from '../../compose/kafka/ports.ts'
import { startChild } from '../child.ts'
import { startPeer, temporaryDirectory } from '../peers/peer-process.ts'
import { type StartProxy, startCaddy, startHaproxy, startNginx } from '../peers/proxies.ts'
import { type Placement, pin, pinned } from './placement.ts'
import { startStandInReceiver } from './stand-in-receiver.ts'

export interface RunningContender {
  readonly port: number
  /** Its processor time is that of this process and its descendants. */
  readonly pid: number
  /** For the report, where there is something to say. */
  readonly version?: string
  stop(): Promise<void>
}

export interface ContenderStart {
  readonly upstreamPort: number
  readonly placement: Placement
  readonly log: Logger
}

export interface ContenderSpec {
  /** As `--only` takes it. */
  readonly id: string
  readonly name: string
  /** Ours over its rate has this key. */
  readonly ratio?: string
  /** False if it keeps no connections, and is there to show that; default true. */
  readonly keepsAlive?: boolean
  /** @throws BenchError PEER_MISSING */
  start(start: ContenderStart): Promise<RunningContender>
}

/** The one that ratios are of. */
export const ours = 'heartline'

/** `servers/MODULE.ts`, on the proxy's processor. */
function node(module: string, ...args: string[]): ContenderSpec['start'] {
  return async ({ upstreamPort, placement }) => {
    const path = new URL(`./servers/${module}.ts`, import.meta.url)
    const child = await startChild<string, { port: number }>(path, [`http://127.0.0.1:${upstreamPort}`, ...args])
    await pin(child.pid, placement.proxy)
    return { port: child.first.port, pid: child.pid, stop: child.stop }
  }
}

function program(start: StartProxy): ContenderSpec['start'] {
  return ({ upstreamPort, placement, log }) => start({ servers: [upstreamPort], cpus: placement.proxy, log })
}

const command = fileURLToPath(new URL('../../compose/main.ts', import.meta.url))

/** Our balancer as people run it: a process of its own with all its defaults. */
async function startBalancer(
  cpus: string | undefined,
  log: Logger,
  flags: readonly string[],
): Promise<RunningContender> {
  const [port, adminPort] = (await freePorts('127.0.0.1', 2)) as [number, number]
  const directory = await temporaryDirectory('balancer')
  const ports = ['--port', `${port}`, '--admin-port', `${adminPort}`]
  const { file, args } = pinned(cpus, process.execPath, [command, 'balancer', ...ports, ...flags])
  return startPeer({ name: ours, file, args, port, directory, log })
}

/** Strategy `active` and all that comes with it, following one decision for an exactly-once backend. */
function following(cpusOf: (placement: Placement) => string | undefined, ...flags: string[]): ContenderSpec['start'] {
  return async ({ upstreamPort, placement, log }) => {
    const receiver = await startStandInReceiver(`http://127.0.0.1:${upstreamPort}`)
    try {
      const balancer = await startBalancer(cpusOf(placement), log, ['--receivers', receiver.url, ...flags])
      const stop = () => balancer.stop().finally(() => receiver.stop())
      return { ...balancer, stop }
    } catch (error) {
      await receiver.stop()
      throw error
    }
  }
}

const startRoundRobin: ContenderSpec['start'] = ({ upstreamPort, placement, log }) => {
  const backends = `http://127.0.0.1:${upstreamPort}`
  const flags = ['--strategy', 'round-robin', '--backends', backends, '--receivers', 'none']
  return startBalancer(placement.proxy, log, flags)
}

export const contenderSpecs: readonly ContenderSpec[] = [
  { id: ours, name: 'heartline', start: following(({ proxy }) => proxy) },
  { id: 'heartline-round-robin', name: 'heartline, round-robin', start: startRoundRobin },
  { id: 'nginx', name: 'nginx', ratio: 'nginx', start: program(startNginx) },
  { id: 'haproxy', name: 'HAProxy', ratio: 'haproxy', start: program(startHaproxy) },
  { id: 'caddy', name: 'Caddy', ratio: 'caddy', start: program(startCaddy) },
  { id: 'undici', name: 'bare undici, body collected', ratio: 'undici', start: node('undici-collected') },
  { id: 'undici-clients', name: 'bare undici, body collected, no pool', start: node('undici-collected', 'clients') },
  { id: 'undici-streamed', name: 'bare undici, streamed', start: node('undici-streamed') },
  { id: 'node-http', name: 'bare node:http, agent', start: node('node-http') },
  { id: 'fast-proxy', name: 'fast-proxy', ratio: 'fastProxy', start: node('fast-proxy', 'undici') },
  { id: 'fast-proxy-http', name: 'fast-proxy over node:http', start: node('fast-proxy', 'http') },
  {
    id: 'fastify-http-proxy',
    name: '@fastify/http-proxy',
    ratio: 'fastifyHttpProxy',
    start: node('fastify-http-proxy'),
  },
  { id: 'http-proxy-3', name: 'http-proxy-3, agent', ratio: 'httpProxy3', start: node('http-proxy-3') },
  {
    id: 'express-http-proxy-middleware',
    name: 'express + http-proxy-middleware, agent',
    ratio: 'expressHttpProxyMiddleware',
    start: node('express-http-proxy-middleware'),
  },
  {
    id: 'express-http-proxy-middleware-no-agent',
    name: 'express + http-proxy-middleware, no keep-alive',
    keepsAlive: false,
    start: node('express-http-proxy-middleware', 'no-agent'),
  },
  { id: 'workers1', name: 'heartline, 1 worker on two cores', start: following(({ two }) => two, '--workers', '1') },
  { id: 'workers2', name: 'heartline, 2 workers on two cores', start: following(({ two }) => two, '--workers', '2') },
]
