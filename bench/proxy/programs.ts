/** nginx, HAProxy and Caddy before one upstream: one process or thread, connections kept on both sides, nothing logged. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { freePorts } from '../../compose/kafka/ports.ts'
import { requireProgram, versionOf } from '../peers/installed.ts'
import { type Peer, startPeer, temporaryDirectory } from '../peers/peer-process.ts'
import { pinned } from './placement.ts'

export interface ProgramStart {
  readonly upstreamPort: number
  readonly cpus: string | undefined
  readonly log: Logger
}

export interface RunningProgram extends Peer {
  readonly version: string
}

/** @throws BenchError PEER_MISSING */
export async function startNginx({ upstreamPort, cpus, log }: ProgramStart): Promise<RunningProgram> {
  const program = await requireProgram('nginx', 'nginx')
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  const directory = await temporaryDirectory('nginx')
  await writeFile(join(directory, 'nginx.conf'), nginxSettings(directory, port, upstreamPort))
  const args = ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr']
  const command = pinned(cpus, program, args)
  const peer = await startPeer({ ...command, name: 'nginx', port, directory, stopSignal: 'SIGQUIT', log })
  return { ...peer, version: `nginx ${/nginx\/(\S+)/.exec(await versionOf(program, ['-v']))?.[1]}, one worker` }
}

export function nginxSettings(directory: string, port: number, upstreamPort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
${temporary.map((kind) => `  ${kind}_temp_path ${directory}/${kind};`).join('\n')}
  upstream servers {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    keepalive_requests 1000000000;
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`
}

/** @throws BenchError PEER_MISSING */
export async function startHaproxy({ upstreamPort, cpus, log }: ProgramStart): Promise<RunningProgram> {
  const program = await requireProgram('haproxy', 'HAProxy')
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  const directory = await temporaryDirectory('haproxy')
  await writeFile(join(directory, 'haproxy.cfg'), haproxySettings(port, upstreamPort))
  const command = pinned(cpus, program, ['-db', '-f', join(directory, 'haproxy.cfg')])
  const peer = await startPeer({ ...command, name: 'HAProxy', port, directory, stopSignal: 'SIGTERM', log })
  return { ...peer, version: `HAProxy ${/version (\S+)/i.exec(await versionOf(program, ['-v']))?.[1]}, one thread` }
}

export function haproxySettings(port: number, upstreamPort: number): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 60s
  timeout connect 5s
  timeout server 60s
  timeout http-keep-alive 60s
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  default_backend servers
backend servers
  http-reuse safe
  server upstream 127.0.0.1:${upstreamPort}
`
}

/** @throws BenchError PEER_MISSING */
export async function startCaddy({ upstreamPort, cpus, log }: ProgramStart): Promise<RunningProgram> {
  const program = await requireProgram('caddy', 'Caddy')
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  const directory = await temporaryDirectory('caddy')
  await writeFile(join(directory, 'caddy.json'), caddySettings(port, upstreamPort))
  // Its own files go there too, and its runtime gets as many threads as it has processors.
  const environment = [
    `HOME=${directory}`,
    `XDG_DATA_HOME=${directory}`,
    `XDG_CONFIG_HOME=${directory}`,
    'GOMAXPROCS=1',
  ]
  const args = [...environment, program, 'run', '--config', join(directory, 'caddy.json')]
  const peer = await startPeer({ ...pinned(cpus, 'env', args), name: 'Caddy', port, directory, log })
  return { ...peer, version: `Caddy ${(await versionOf(program, ['version'])).split(' ')[0]}, GOMAXPROCS=1` }
}

export function caddySettings(port: number, upstreamPort: number): string {
  const transport = { protocol: 'http', keep_alive: { max_idle_conns: 256, max_idle_conns_per_host: 256 } }
  const handler = { handler: 'reverse_proxy', transport, upstreams: [{ dial: `127.0.0.1:${upstreamPort}` }] }
  const server = {
    listen: [`127.0.0.1:${port}`],
    automatic_https: { disable: true },
    routes: [{ handle: [handler] }],
  }
  return JSON.stringify({
    admin: { disabled: true },
    logging: { logs: { default: { level: 'ERROR' } } },
    apps: { http: { servers: { proxy: server } } },
  })
}
