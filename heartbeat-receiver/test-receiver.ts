/** For tests: a receiver on a free port over a journal in memory, and peers that speak to it. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { createMemoryLog, type Journal, type MemoryLog, memoryJournal } from '../checkpoint/index.ts'
import { capturedLog, type LogLine } from './captured-log.ts'
import { receiverOptions } from './config.ts'
import type { Heartbeat, Hello } from './protocol.ts'
import { startReceiver } from './service.ts'
import type { WebSocketLimits } from './websocket-server.ts'

export interface TestReceiver {
  readonly url: string
  /** `http://…` of the same port. */
  readonly base: string
  readonly port: number
  readonly lines: LogLine[]
  readonly journal: MemoryLog
  readonly done: Promise<void>
  stop(): Promise<void>
}

/** A minute between heartbeats: nobody is suspected for silence while a test runs. */
const calmHeartbeatMs = 60_000

export async function startTestReceiver(
  t: TestContext,
  options: {
    journal?: MemoryLog
    adapter?: Journal
    limits?: Partial<WebSocketLimits>
    token?: string
    port?: number
    heartbeatMs?: number
    name?: string
    peers?: string[]
    tls?: { tlsCert: string; tlsKey: string }
    killHook?: string
  } = {},
): Promise<TestReceiver> {
  const { log, lines } = capturedLog()
  const { journal = createMemoryLog(), limits, token, port = 0, heartbeatMs = calmHeartbeatMs } = options
  const { name = 'receiver', peers = [], killHook } = options
  const abort = new AbortController()
  const parsed = receiverOptions.parse({ port, name, peers, heartbeatMs, token, killHook, ...options.tls })
  const receiver = await startReceiver(parsed, log, abort.signal, {
    journal: options.adapter ?? memoryJournal(journal),
    ...(limits ? { limits } : {}),
  })
  const stop = async () => {
    abort.abort()
    await receiver.done.catch(() => undefined)
  }
  t.after(stop)
  const base = receiver.url.replace(/^ws/, 'http')
  return { url: receiver.url, base, port: receiver.port, lines, journal, done: receiver.done, stop }
}

/** A WebSocket of which every message is kept. */
export class Peer {
  readonly socket: WebSocket
  readonly messages: { type: string; [key: string]: unknown }[] = []
  readonly closed: Promise<{ code: number; reason: string }>

  constructor(t: TestContext, url: string, options: { origin?: string; headers?: { host: string } } = {}) {
    this.socket = new WebSocket(url, options)
    this.socket.on('message', (data) => {
      this.messages.push(JSON.parse(data.toString()))
      this.socket.emit('heard')
    })
    this.socket.on('error', () => undefined) // the test looks at how it closed
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    t.after(() => this.socket.terminate())
  }

  async open(): Promise<this> {
    await once(this.socket, 'open')
    return this
  }
  say(message: object | string | Uint8Array): void {
    const plain = typeof message === 'string' || message instanceof Uint8Array
    this.socket.send(plain ? message : JSON.stringify(message))
  }
  /** The first message of the type that `found` accepts, past or to come. */
  async hear(type: string, found: (message: { [key: string]: unknown }) => boolean = () => true) {
    for (;;) {
      const message = this.messages.find((one) => one.type === type && found(one))
      if (message) return message
      await once(this.socket, 'heard')
    }
  }
  /** As when its process was killed. */
  kill(): void {
    this.socket.terminate()
  }
}

/** A URL where nobody listens. */
export async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}

export function helloOf(name: string, more: Partial<Hello> = {}): Hello {
  return {
    ...{ type: 'hello', version: 1, name, incarnation: `${name}-1`, url: 'http://127.0.0.1:9', weight: 1 },
    ...{ direct: true, exactlyOnce: true },
    ...more,
  } as Hello
}

export function heartbeatOf(more: Partial<Heartbeat> = {}): Heartbeat {
  return {
    ...{ type: 'heartbeat', sequence: 1, phase: 'standby', reign: [0, 0], journalReign: [0, 0], offset: 0, lag: 0 },
    ...{ unsettledMs: 0, journalReachable: true, inFlight: 0, eventLoopDelayMs: 0 },
    ...more,
  } as Heartbeat
}

/** A backend that has joined as a standby. */
export async function joinBackend(t: TestContext, receiver: TestReceiver, name: string, more: Partial<Hello> = {}) {
  const peer = await new Peer(t, `${receiver.url}/heartbeats`).open()
  peer.say(helloOf(name, more))
  await peer.hear('welcome')
  peer.say(heartbeatOf())
  await peer.hear('ack')
  return peer
}

export async function joinFollower(t: TestContext, receiver: TestReceiver, more: object = {}) {
  const peer = await new Peer(t, `${receiver.url}/decisions`).open()
  peer.say({ type: 'follow', version: 1, role: 'balancer', name: 'b', epoch: 0, ...more })
  await peer.hear('decisions')
  return peer
}
