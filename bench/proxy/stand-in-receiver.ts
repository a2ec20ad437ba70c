/** A receiver that has decided once and for all: the upstream is the active. So a balancer runs as in production, with nothing else to run. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ToFollower } from '../../heartbeat-receiver/protocol.ts'

/** As often as a receiver says that it is there, milliseconds. */
const intervalMs = 1_000

export interface StandInReceiver {
  /** What `--receivers` takes. */
  readonly url: string
  stop(): Promise<void>
}

/** @param upstreamUrl the base URL that the one decision names */
export async function startStandInReceiver(upstreamUrl: string): Promise<StandInReceiver> {
  const decision = {
    shard: 0,
    epoch: 1,
    name: 'upstream',
    incarnation: 'upstream-1',
    url: upstreamUrl,
    exactlyOnce: true,
  }
  const message: ToFollower = { type: 'decisions', decisions: [decision], intervalMs }
  const text = JSON.stringify(message)
  const server = createServer()
  const sockets = new WebSocketServer({ server, path: '/decisions' })
  sockets.on('connection', (socket) => {
    socket.once('message', () => tell(socket))
  })
  function tell(socket: WebSocket): void {
    socket.send(text)
    const timer = setInterval(() => socket.send(text), intervalMs)
    socket.once('close', () => clearInterval(timer))
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async () => {
    const closed = once(server, 'close')
    for (const socket of sockets.clients) socket.terminate()
    sockets.close()
    server.close()
    await closed
  }
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}
