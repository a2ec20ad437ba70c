/** The clients' side with TLS: HTTP/2 and HTTP/1.1 on one port, by what the client offers (ALPN, RFC 7301). */
import type { IncomingMessage, Server } from 'node:http'
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2Session,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import { type TlsPair, tlsVersionMin } from '../heartbeat-receiver/tls-pair.ts'

/** How long a client may take for its handshake, milliseconds. */
const handshakeTimeoutMs = 10_000
/** First byte of a TLS record that is a handshake (RFC 8446 5.1). */
const handshakeRecord = 22
/** Requests of one client at a time, as of other servers. */
const streamsMax = 128
/**
 * Streams that one client may reset at once, and each second from then on; more ends its connection. Against rapid resets
 * (CVE-2023-44487), which cost a client nothing. Node's own are 1,000 and 33.
 */
const resetsAtOnceMax = 200
const resetsPerSecondMax = 33
/** What is kept in memory for one connection: windows, heads and answers under way, MiB. */
const sessionMemoryMaxMiB = 10
/** Fields of one head, beside their size. */
const headerPairsMax = 128

/** How long a client may take to hear that its connection is cut, milliseconds. One that takes nothing would never have heard it. */
const farewellMs = 500

export interface SecureServerOptions {
  pair: TlsPair
  /** How long a connection may stand idle, milliseconds. */
  idleTimeMs: number
  /** Largest head. */
  headerBytes: number
  /** What a server for HTTP/1.1 alone has for properties; they hold for its clients here too. */
  http1: Partial<Server>
}

/**
 * A server to be used as one of `node:http`: its requests of HTTP/2 come through Node's compatibility interface.
 * What `node:http2` has not, or not on every version of Node, is added.
 */
export function secureServer({ pair, idleTimeMs, headerBytes, http1 }: SecureServerOptions): Server {
  const server = createSecureServer({
    ...secured(pair),
    allowHTTP1: true,
    handshakeTimeout: handshakeTimeoutMs,
    noDelay: true,
    settings: { maxConcurrentStreams: streamsMax, maxHeaderListSize: headerBytes, enableConnectProtocol: false },
    maxSessionMemory: sessionMemoryMaxMiB,
    maxHeaderListPairs: headerPairsMax,
    streamResetBurst: resetsAtOnceMax,
    streamResetRate: resetsPerSecondMax,
  })
  Object.assign(server, http1)
  ownConnections(server, idleTimeMs)
  refusePlainText(server)
  return server as unknown as Server
}

/** Takes another certificate into use; connections that are open keep theirs. */
export function replacePair(server: Server, pair: TlsPair): void {
  ;(server as unknown as Http2SecureServer).setSecureContext(secured(pair))
}

function secured({ cert, key }: TlsPair) {
  return { cert, key, minVersion: tlsVersionMin } as const
}

const socketOfSession = new WeakMap<Http2Session, Socket>()

/** The connection of a request of HTTP/2 itself: what Node shows of it throws once the session is gone. */
export function sessionSocket(request: IncomingMessage): Socket {
  return socketOfSession.get((request as unknown as { stream: ServerHttp2Stream }).stream.session!)!
}

/** Knows what is open, so that it can be ended as `node:http` does. */
function ownConnections(server: Http2SecureServer, idleTimeMs: number): void {
  const sockets = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  let newest: Socket
  // Before Node makes a session of it, which it does at once.
  server.prependListener('secureConnection', (socket) => {
    newest = socket
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('session', (session) => {
    sessions.add(session)
    socketOfSession.set(session, newest)
    // What is under way may end; a session that is idle is gone at once.
    session.setTimeout(idleTimeMs, () => session.close())
    session.on('error', () => session.destroy())
    session.on('close', () => sessions.delete(session))
  })
  const closeHttp1 = (server as unknown as Partial<Server>).closeIdleConnections?.bind(server)
  // What is under way may end, and the client is told which of its requests were not looked at (RFC 9113 6.8).
  const closeSessions = () => {
    for (const session of sessions) session.close()
  }
  Object.assign(server, {
    closeSessions,
    closeIdleConnections: () => {
      closeHttp1?.()
      closeSessions()
    },
    closeAllConnections: () => {
      const told = new Set<Socket>()
      for (const session of sessions) {
        told.add(socketOfSession.get(session)!)
        cutSession(session)
      }
      for (const socket of sockets) if (!told.has(socket)) socket.destroy()
      setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, farewellMs).unref()
    },
  })
}

/** Ends a connection so that no client takes an answer that is under way for complete, as it would without a code. */
function cutSession(session: ServerHttp2Session): void {
  if (session.destroyed) return
  // First, for all streams: when it destroys a session, Node tells the first of them alone.
  session.goaway(constants.NGHTTP2_INTERNAL_ERROR)
  session.destroy(new Error('the connection is cut'))
}

/** Tells a client that speaks HTTP without TLS so, in words that it understands. */
function refusePlainText(server: Http2SecureServer): void {
  const [accept] = server.listeners('connection') as [(socket: Socket) => void]
  server.removeListener('connection', accept)
  server.on('connection', (socket: Socket) => {
    const timer = setTimeout(() => socket.destroy(), handshakeTimeoutMs)
    const failed = () => socket.destroy()
    socket.on('error', failed)
    socket.once('close', () => clearTimeout(timer))
    socket.once('data', (first: Buffer) => {
      clearTimeout(timer)
      if (first[0] !== handshakeRecord) return void socket.end(plainTextAnswer)
      socket.off('error', failed)
      socket.pause()
      socket.unshift(first)
      accept.call(server, socket)
    })
  })
}

const plainTextAnswer = (() => {
  const body = JSON.stringify({ type: 'about:blank', title: 'This port speaks TLS: ask for https://', status: 400 })
  const head = `content-type: application/problem+json\r\ncontent-length: ${body.length}\r\nconnection: close`
  return `HTTP/1.1 400 Bad Request\r\n${head}\r\n\r\n${body}`
})()
