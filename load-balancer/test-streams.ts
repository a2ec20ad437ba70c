/** For tests of streams that wait: a WebSocket offered over a bare socket, and a backend that has another answer to it. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { HeardMember } from './membership.ts'
import type { Cluster, FakeBackend } from './test-cluster.ts'

/** As the receivers tell of a backend without state. */
export function memberOf({ name, incarnation, url }: FakeBackend): HeardMember {
  return { name, incarnation, url, weight: 1, exactlyOnce: false, phase: 'standby', lag: 0 }
}

/** Answers 418 whenever a WebSocket is offered. */
export function refuseWebSockets({ server }: FakeBackend): void {
  server.on('upgrade', (_request, socket) => void socket.end('HTTP/1.1 418 no\r\ncontent-length: 0\r\n\r\n'))
}

/** Offers a WebSocket; resolves with the first bytes of the answer. */
export async function offerWebSocket(t: TestContext, port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  const head = ['GET / HTTP/1.1', 'host: x', 'connection: upgrade', 'upgrade: websocket', 'sec-websocket-version: 13']
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  return answer.toString()
}

/** Waits until the balancer has so many streams, waiting ones too. */
export async function untilStreams({ balancer }: Cluster, count: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const metrics = await (await fetch(new URL('/metrics', balancer.adminUrl))).text()
    if (metrics.includes(`heartline_streams ${count}\n`)) return
    await pause(5)
  }
  throw new Error(`waited in vain for ${count} streams`)
}
