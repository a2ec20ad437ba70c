/** For tests of the clients' side with TLS: a cluster whose balancer speaks it, requests of HTTP/2, and its bare frames. */
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { TestContext } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { writePair } from '../heartbeat-receiver/test-certificates.ts'
import { type Cluster, type ClusterOptions, startCluster } from './test-cluster.ts'

export interface SecureCluster extends Cluster {
  ca: string
  /** One HTTP/2 connection to the balancer. */
  session(): Promise<ClientHttp2Session>
}

export async function startSecure(
  t: TestContext,
  options: Record<string, unknown> = {},
  given: ClusterOptions = {},
): Promise<SecureCluster> {
  const { tlsCert, tlsKey, pair } = writePair(t)
  const cluster = await startCluster(t, { ...given, options: { tlsCert, tlsKey, ...options } })
  return { ...cluster, ca: pair.cert, session: () => openSession(t, cluster.balancer.url, pair.cert) }
}

export async function openSession(t: TestContext, url: string, ca: string): Promise<ClientHttp2Session> {
  const session = connect(url, { ca })
  session.on('error', () => undefined)
  t.after(() => session.destroy())
  await once(session, 'connect')
  return session
}

export interface Answer {
  headers: IncomingHttpHeaders
  text: string
  trailers: IncomingHttpHeaders
  hints: IncomingHttpHeaders[]
}

/** One request of HTTP/2. */
export async function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Buffer): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === undefined })
  let trailers = {}
  const hints: IncomingHttpHeaders[] = []
  stream.on('trailers', (received) => {
    trailers = received
  })
  stream.on('headers', (received) => hints.push(received))
  const answered = once(stream, 'response')
  if (body) stream.end(body)
  const [received] = await answered
  let text = ''
  for await (const chunk of stream) text += chunk
  return { headers: received, text, trailers, hints }
}

/** What a client knows of an answer once its stream is closed. */
export interface Ending {
  text: string
  error: Error | undefined
  /** 0 if the stream ended well. */
  resetCode: number
}

/** Reads all that comes. Asked for before anything came. */
export function endingOf(stream: ClientHttp2Stream): Promise<Ending> {
  let text = ''
  let error: Error | undefined
  stream.on('data', (chunk) => {
    text += chunk
  })
  stream.on('error', (reason) => {
    error = reason
  })
  return new Promise((resolve) => {
    stream.on('close', () => resolve({ text, error, resetCode: stream.rstCode }))
  })
}

const frameTypes = { data: 0, headers: 1, reset: 3, settings: 4, window: 8 } as const
const [endStream, endHeaders] = [1, 4] as const
const initialWindowSize = 4
const windowMax = 2 ** 31 - 1
const windowDefault = 65_535
/** What a client of HTTP/2 says first (RFC 9113 3.4). */
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** A client that writes its frames itself: Node's ends a stream properly before it resets it. */
export class FrameWriter {
  readonly #socket: TLSSocket

  private constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  /** @param reads false for one that takes nothing of what it is sent, and has promised to take all */
  static async open(t: TestContext, port: number, ca: string, reads = true): Promise<FrameWriter> {
    const socket = connectTls({ port, host: '127.0.0.1', ca, ALPNProtocols: ['h2'] })
    t.after(() => socket.destroy())
    socket.on('error', () => undefined)
    if (reads) socket.resume()
    await once(socket, 'secureConnect')
    const writer = new FrameWriter(socket)
    socket.write(preface)
    writer.#write('settings', 0, 0, Buffer.from([0, initialWindowSize, ...number(windowMax)]))
    writer.#write('window', 0, 0, number(windowMax - windowDefault))
    return writer
  }

  /** Begins a request whose body follows. */
  begin(stream: number, headers: Record<string, string>): void {
    this.#write('headers', endHeaders, stream, Buffer.concat(Object.entries(headers).map(plainField)))
  }

  /** A request without a body. */
  request(stream: number, headers: Record<string, string>): void {
    this.#write('headers', endHeaders | endStream, stream, Buffer.concat(Object.entries(headers).map(plainField)))
  }

  data(stream: number, bytes: Buffer): void {
    this.#write('data', 0, stream, bytes)
  }

  reset(stream: number, code: number): void {
    this.#write('reset', 0, stream, number(code))
  }

  #write(type: keyof typeof frameTypes, flags: number, stream: number, payload: Buffer): void {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head.writeUInt8(frameTypes[type], 3)
    head.writeUInt8(flags, 4)
    head.writeUInt32BE(stream, 5)
    this.#socket.write(Buffer.concat([head, payload]))
  }
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A header field that is in no table and not compressed (RFC 7541 6.2.2); both texts shorter than 127 bytes. */
function plainField([name, value]: [string, string]): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ])
}
