/** Ports: bound, named and closed in order. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, isIPv6, Server as NetServer } from 'node:net'
import { isLoopback } from '../heartbeat-receiver/token.ts'
import { BalancerError, balancerErrors, listenError } from './errors.ts'

/** How long requests under way may take once the balancer stops, milliseconds. */
export const drainTimeMs = 5_000

/**
 * How long idle connections of clients stay open once the balancer stops, milliseconds: a request that is on its way on one is answered, and
 * told that it was the last there (RFC 9112 9.6). Closing them at once would fail it, and its client could not tell whether it was run.
 */
export const idleGraceMs = 1_000

/** Without a token whoever reaches a port is trusted, so only this machine may. */
export function refuseUnsafe(host: string, token: string | undefined): void {
  if (token === undefined && !isLoopback(host))
    throw new BalancerError('UNSAFE_LISTEN', balancerErrors.UNSAFE_LISTEN(host))
}

/** Rejects with a BalancerError that names the option. `shared` lets other processes listen on the same port. */
export async function listen(
  server: NetServer,
  host: string,
  port: number,
  option: string,
  shared = false,
): Promise<void> {
  server.listen({ port, host, ...(shared ? { reusePort: true } : {}) })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, `port ${port} of ${host}`, option)
  }
}

export function portOf(server: NetServer): number {
  return (server.address() as AddressInfo).port
}

export function urlOf(host: string, port: number, protocol = 'http'): string {
  return `${protocol}://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** Takes no more connections, and lets those that are busy finish; `cut` ends what is left at the deadline. Idle ones go after `graceMs`. */
export async function stopServer(
  server: Server & { closeSessions?(): void },
  cut: () => void,
  graceMs = 0,
): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  const endIdle = () => {
    server.close(() => undefined)
    server.closeIdleConnections()
  }
  // Not by its own `close`, which ends idle connections too.
  NetServer.prototype.close.call(server)
  server.closeSessions?.() // HTTP/2 has a word for it
  const grace = graceMs > 0 ? setTimeout(endIdle, graceMs) : endIdle()
  const deadline = setTimeout(() => {
    cut()
    // What `cut` answered is written in this turn.
    setImmediate(() => server.closeAllConnections())
  }, drainTimeMs)
  await closed
  clearTimeout(grace ?? undefined)
  clearTimeout(deadline)
  endIdle()
}
