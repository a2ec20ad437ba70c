/** The proxies that stand between clients and two stateless servers: configured to retry everything, POST too, as fast as they can. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { freePorts } from '../../compose/kafka/ports.ts'
import { requireProgram, versionOf } from '../peers/installed.ts'
import { type Peer, startPeer, temporaryDirectory } from '../peers/peer-process.ts'

export interface RunningProxy extends Peer {
  readonly version: string
}

/** How long a server may be silent before its request goes to the other one. Matters when it hangs; a death is seen at once. */
export const silenceMs = 250

/** @throws BenchError PEER_MISSING */
export async function startNginx(servers: readonly number[], log: Logger): Promise<RunningProxy> {
  const program = await requireProgram('nginx', 'nginx')
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  const directory = await temporaryDirectory('nginx')
  await writeFile(join(directory, 'nginx.conf'), nginxSettings(directory, port, servers))
  const args = ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr']
  const peer = await startPeer({ name: 'nginx', file: program, args, port, directory, stopSignal: 'SIGQUIT', log })
  return { ...peer, version: `nginx ${/nginx\/(\S+)/.exec(await versionOf(program, ['-v']))?.[1]}` }
}

/** `non_idempotent` is what makes it repeat POST. A failed server is left alone for a second. */
export function nginxSettings(directory: string, port: number, servers: readonly number[]): string {
  const upstreams = servers.map((server) => `    server 127.0.0.1:${server} max_fails=1 fail_timeout=1s;`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
${temporary.map((kind) => `  ${kind}_temp_path ${directory}/${kind};`).join('\n')}
  upstream servers {
${upstreams.join('\n')}
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000;
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_connect_timeout ${silenceMs}ms;
      proxy_read_timeout ${silenceMs}ms;
      proxy_next_upstream error timeout http_502 http_503 http_504 non_idempotent;
      proxy_next_upstream_tries 3;
    }
  }
}
`
}

/** @throws BenchError PEER_MISSING */
export async function startHaproxy(servers: readonly number[], log: Logger): Promise<RunningProxy> {
  const program = await requireProgram('haproxy', 'HAProxy')
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  const directory = await temporaryDirectory('haproxy')
  await writeFile(join(directory, 'haproxy.cfg'), haproxySettings(port, servers))
  const args = ['-db', '-f', join(directory, 'haproxy.cfg')]
  const peer = await startPeer({ name: 'HAProxy', file: program, args, port, directory, stopSignal: 'SIGTERM', log })
  return { ...peer, version: `HAProxy ${/version (\S+)/i.exec(await versionOf(program, ['-v']))?.[1]}` }
}

/**
 * `all-retryable-errors` repeats POST too; `observe layer7` marks a server down at its first failed request, and
 * the check asks for an answer: the system goes on accepting connections for a process that hangs.
 */
export function haproxySettings(port: number, servers: readonly number[]): string {
  const check = 'check inter 100ms fastinter 50ms fall 1 rise 1 observe layer7 error-limit 1 on-error mark-down'
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 60s
  timeout connect ${silenceMs}ms
  timeout check ${silenceMs}ms
  timeout server ${silenceMs}ms
  timeout http-keep-alive 60s
  retries 3
  option redispatch 1
  option http-buffer-request
  retry-on all-retryable-errors
frontend clients
  bind 127.0.0.1:${port}
  default_backend servers
backend servers
  balance roundrobin
  option httpchk GET /
  http-reuse safe
${servers.map((server, index) => `  server s${index} 127.0.0.1:${server} ${check} on-marked-down shutdown-sessions`).join('\n')}
`
}
