/** nginx, HAProxy and Caddy as processes, before servers of ours. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { freePorts } from '../../compose/kafka/ports.ts'
import { pinned } from '../proxy/placement.ts'
import { requireProgram, versionOf } from './installed.ts'
import { type Peer, startPeer, temporaryDirectory } from './peer-process.ts'
import { caddySettings, haproxySettings, nginxSettings, type ProxySettings } from './proxy-settings.ts'

export interface ProxyStart extends Omit<ProxySettings, 'port'> {
  /** Processors it is pinned to, as taskset takes them. */
  readonly cpus?: string | undefined
  readonly log: Logger
}

export interface RunningProxy extends Peer {
  /** With what it has of processors. */
  readonly version: string
}

export type StartProxy = (start: ProxyStart) => Promise<RunningProxy>

/** @throws BenchError PEER_MISSING */
export const startNginx: StartProxy = async (start) => {
  const program = await requireProgram('nginx', 'nginx')
  const { port, directory } = await placeOf('nginx')
  const file = join(directory, 'nginx.conf')
  await writeFile(file, nginxSettings(directory, { ...start, port }))
  const command = pinned(start.cpus, program, ['-p', directory, '-c', file, '-e', 'stderr'])
  const peer = await startPeer({ ...command, name: 'nginx', port, directory, stopSignal: 'SIGQUIT', log: start.log })
  return { ...peer, version: `nginx ${/nginx\/(\S+)/.exec(await versionOf(program, ['-v']))?.[1]}, one worker` }
}

/** @throws BenchError PEER_MISSING */
export const startHaproxy: StartProxy = async (start) => {
  const program = await requireProgram('haproxy', 'HAProxy')
  const { port, directory } = await placeOf('haproxy')
  const file = join(directory, 'haproxy.cfg')
  await writeFile(file, haproxySettings({ ...start, port }))
  const command = pinned(start.cpus, program, ['-db', '-f', file])
  const peer = await startPeer({ ...command, name: 'HAProxy', port, directory, stopSignal: 'SIGTERM', log: start.log })
  return { ...peer, version: `HAProxy ${/version (\S+)/i.exec(await versionOf(program, ['-v']))?.[1]}, one thread` }
}

/** @throws BenchError PEER_MISSING */
export const startCaddy: StartProxy = async (start) => {
  const program = await requireProgram('caddy', 'Caddy')
  const { port, directory } = await placeOf('caddy')
  const file = join(directory, 'caddy.json')
  await writeFile(file, caddySettings({ ...start, port }))
  // Its own files go there too, and its runtime gets as many threads as it has processors.
  const environment = ['HOME', 'XDG_DATA_HOME', 'XDG_CONFIG_HOME'].map((name) => `${name}=${directory}`)
  const args = [...environment, 'GOMAXPROCS=1', program, 'run', '--config', file]
  const peer = await startPeer({ ...pinned(start.cpus, 'env', args), name: 'Caddy', port, directory, log: start.log })
  return { ...peer, version: `Caddy ${(await versionOf(program, ['version'])).split(' ')[0]}, GOMAXPROCS=1` }
}

async function placeOf(name: string): Promise<{ port: number; directory: string }> {
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  return { port, directory: await temporaryDirectory(name) }
}
