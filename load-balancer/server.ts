/** The clients' side: a bare server of Node's whose requests become exchanges. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TlsPair } from '../heartbeat-receiver/tls-pair.ts'
import { Exchange, type ExchangeContext } from './exchange.ts'
import { takeTarget } from './request-checks.ts'
import { secureServer, sessionSocket } from './secure-server.ts'

/** How often it is looked whether a head takes too long, milliseconds. */
const headerCheckIntervalMs = 1_000

export interface ClientServerOptions {
  /** How long a request head may take, milliseconds. */
  headerTimeMs: number
  /** How long a connection may wait for its next request, milliseconds. */
  idleTimeMs: number
  /** Largest request head. */
  headerBytes: number
}

/** A server of clients; with TLS, and then HTTP/2 too, if there is a pair to speak it with. */
export function clientServer(context: ExchangeContext, options: ClientServerOptions, pair?: TlsPair): Server {
  const { connections, checks } = context
  const http1 = {
    keepAliveTimeout: options.idleTimeMs,
    headersTimeout: options.headerTimeMs,
    connectionsCheckingInterval: Math.min(headerCheckIntervalMs, options.headerTimeMs),
    maxHeaderSize: options.headerBytes,
    // Checked with all else: Node would serve what follows on the connection.
    requireHostHeader: false,
    // A large upload takes as long as it takes; bodies that are kept have an idle limit of their own.
    requestTimeout: 0,
    shouldUpgradeCallback: isWebSocket,
  }
  const { idleTimeMs, headerBytes } = options
  const server = pair
    ? secureServer({ pair, idleTimeMs, headerBytes, http1 })
    : createServer({ ...http1, noDelay: true })
  // A client that closed its half after the request still waits for the answer. Node forgets the headers beyond its own
  // count; they are counted later.
  Object.assign(server, { httpAllowHalfOpen: true, maxHeadersCount: 0 })
  connections.watch(server, pair !== undefined)
  const enter = (request: IncomingMessage, response: ServerResponse) => {
    const multiplexed = isStream(request)
    const connection = connections.of(multiplexed ? sessionSocket(request) : request.socket, multiplexed)
    connection.enter(new Exchange(context, request, response, connection))
  }
  server.on('request', enter)
  // Whatever is expected, it is looked at after the request itself.
  server.on('checkContinue', enter)
  server.on('checkExpectation', enter)
  server.on('upgrade', (request, socket, head) => {
    if (!isWebSocket(request)) return passOver(server, request, socket as Socket, head)
    const connection = connections.of(socket as Socket)
    const fault = connection.busy ? 'malformed' : checks.fault(request)
    socket.on('error', () => socket.destroy())
    if (fault) return connection.fault(fault)
    if (connection.ended) return void socket.destroy()
    takeTarget(request)
    connection.upgraded()
    context.streams.upgrade(request, socket as Socket, head)
  })
  server.on('connect', (request, socket) => {
    // A stream of HTTP/2 has an answer here.
    if (isStream(request)) return void (socket as unknown as ServerResponse).writeHead(501).end()
    socket.on('error', () => socket.destroy())
    connections.of(socket as Socket).fault('no tunnels')
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => connections.failed(socket as Socket, error.code))
  return server
}

/** True for HTTP/2. The version does not tell: a request of HTTP/1 may call itself 2.0. */
function isStream(request: IncomingMessage): boolean {
  return 'stream' in request
}

/**
 * Goes on as if no upgrade had been offered. Only Node before 22.21 and 24.9 asks for this, which know no
 * `shouldUpgradeCallback`: the request is put back, without the offer, before what follows it on the connection.
 */
function passOver(server: Server, request: IncomingMessage, socket: Socket, rest: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index]!
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${request.rawHeaders[index + 1]}`)
  }
  socket.unshift(Buffer.concat([Buffer.from([...lines, '', ''].join('\r\n'), 'latin1'), rest]))
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
}

/** Other upgrades are offers, which a server may pass over (RFC 9110 7.8), and must in HTTP/1.0. */
function isWebSocket({ method, httpVersionMinor, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersionMinor !== 1 || headers.upgrade?.toLowerCase() !== 'websocket') return false
  // With a body it would not be known where the other protocol begins.
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
}
