/** What every Node proxy of this benchmark shares: one upstream, a free port, and an end with the benchmark. */
import { Agent, createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** More than clients ever have under way, so that no request waits for a connection. */
export const connectionsMax = 256

/** Base URL of the upstream, such as `http://127.0.0.1:9000`. */
export const upstream = process.argv[2]!

/** The agent of those who forward by `node:http`. */
export function keepAliveAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: connectionsMax, maxFreeSockets: connectionsMax })
}

/** Listens on a free port until the benchmark goes. */
export function serve(listener: RequestListener): void {
  announce(createServer({ noDelay: true, requestTimeout: 0 }, listener).listen(0, '127.0.0.1'))
}

/** Tells the benchmark where `server`, which is about to listen, is found. */
export function announce(server: Server): void {
  process.on('disconnect', () => process.exit())
  const tell = () => process.send?.({ port: (server.address() as AddressInfo).port })
  if (server.listening) tell()
  else server.once('listening', tell)
}
