/**
 * What the proxies stand before. Two of them: nginx, which answers quicker than any proxy can ask, for the load; and a slow one that looks
 * at everything, for the checks.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Logger } from 'pino'
import { sessionsPath } from '../../checkpoint/request-headers.ts'
import { freePorts } from '../../compose/kafka/ports.ts'
import { requireProgram, versionOf } from '../peers/installed.ts'
import { type Peer, startPeer, temporaryDirectory } from '../peers/peer-process.ts'
import { pinned } from './placement.ts'

/** What every request of the load is answered with, bytes. */
export const answerBytes = 200
export const answerText = 'heartline '.repeat(answerBytes / 10)
/** The answer by which a backend opens a session. */
const sessionAnswer = '{"session":"s"}'

/** @throws BenchError PEER_MISSING */
export async function startQuickUpstream(cpus: string | undefined, log: Logger): Promise<Peer & { version: string }> {
  const program = await requireProgram('nginx', 'nginx, the upstream of this benchmark,')
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  const directory = await temporaryDirectory('upstream')
  await writeFile(join(directory, 'nginx.conf'), upstreamSettings(directory, port))
  const args = ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr']
  const peer = await startPeer({
    ...pinned(cpus, program, args),
    name: 'nginx as upstream',
    port,
    directory,
    stopSignal: 'SIGQUIT',
    log,
  })
  return { ...peer, version: `nginx ${/nginx\/(\S+)/.exec(await versionOf(program, ['-v']))?.[1]}` }
}

/** `return` reads the body of a request before it answers; connections are kept for the whole run. */
function upstreamSettings(directory: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off;
${temporary.map((kind) => `  ${kind}_temp_path ${directory}/${kind};`).join('\n')}
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      default_type text/plain;
      return 200 '${answerText}';
    }
    location = ${sessionsPath} {
      default_type application/json;
      return 201 '${sessionAnswer}';
    }
  }
}
`
}

/** What the checking upstream saw of one request, told in its answer. */
export interface Seen {
  readonly method: string
  readonly path: string
  /** SHA-256 of the body that arrived. */
  readonly sha256: string
  readonly bodyBytes: number
  /** Number of the connection on which it came. */
  readonly connection: number
}

export interface CheckingUpstream {
  readonly port: number
  stop(): Promise<void>
}

/** Answers with a header `x-seen`, JSON of {@link Seen}, and the body of the load's answers. */
export async function startCheckingUpstream(): Promise<CheckingUpstream> {
  const connections = new Map<Socket, number>()
  let opened = 0
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void answer(request, response, connections.get(request.socket)!)
  })
  server.on('connection', (socket) => {
    connections.set(socket, ++opened)
    socket.once('close', () => connections.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return { port: (server.address() as AddressInfo).port, stop }
}

async function answer(request: IncomingMessage, response: ServerResponse, connection: number): Promise<void> {
  const body = await buffer(request).catch(() => undefined)
  if (body === undefined) return // the proxy went away
  if (request.url === sessionsPath) {
    response.writeHead(201, { 'content-type': 'application/json' }).end(sessionAnswer)
    return
  }
  const sha256 = createHash('sha256').update(body).digest('hex')
  const seen = {
    method: request.method!,
    path: request.url!,
    sha256,
    bodyBytes: body.length,
    connection,
  } satisfies Seen
  response.writeHead(200, { 'content-type': 'text/plain', 'x-seen': JSON.stringify(seen) }).end(answerText)
}
