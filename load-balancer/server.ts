/** The clients' side: a bare `node:http` server whose requests become exchanges. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { Exchange, type ExchangeContext } from './exchange.ts'

/** Longer than usual clients and load balancers keep an idle connection, so that it is theirs to close. Milliseconds. */
const keepAliveTimeoutMs = 65_000
/** How long request headers may take, milliseconds. */
const headersTimeoutMs = 60_000

const errorStatus: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Content Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

export function clientServer(context: ExchangeContext): Server {
  const server = createServer({
    keepAliveTimeout: keepAliveTimeoutMs,
    headersTimeout: headersTimeoutMs,
    // A large upload takes as long as it takes; bodies that are kept have an idle limit of their own.
    requestTimeout: 0,
    noDelay: true,
    shouldUpgradeCallback: isWebSocket,
  })
  // A client that closed its half after the request still waits for the answer.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on('request', (request, response) => new Exchange(context, request, response).start())
  server.on('upgrade', (request, socket, head) => {
    if (isWebSocket(request)) context.streams.upgrade(request, socket as Socket, head)
    else passOver(server, request, socket as Socket, head)
  })
  server.on('connect', (_request, socket) => refuse(socket as Socket, '501 Not Implemented'))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    refuse(socket as Socket, errorStatus[error.code ?? ''] ?? '400 Bad Request')
  })
  return server
}

/** Answers where there is no response object, and closes: nothing more can be read from this client. */
function refuse(socket: Socket, status: string): void {
  socket.on('error', () => socket.destroy())
  socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  socket.destroySoon()
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

/** Other upgrades are offers, which a server may pass over (RFC 9110 7.8). */
function isWebSocket(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket'
}
