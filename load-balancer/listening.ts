/** Ports: bound, named and closed in order. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, isIPv6, type Server as NetServer } from 'node:net'
import { isLoopback } from '../heartbeat-receiver/token.ts'
import { BalancerError, balancerErrors, listenError } from './errors.ts'

/** How long requests under way may take once the balancer stops, milliseconds. */
export const drainTimeMs = 5_000

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

/** Takes no more connections, and lets those that are busy finish; `cut` ends what is left at the deadline. */
export async function stopServer(server: Server, cut: () => void): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const deadline = setTimeout(() => {
    cut()
    // What `cut` answered is written in this turn.
    setImmediate(() => server.closeAllConnections())
  }, drainTimeMs)
  await closed
  clearTimeout(deadline)
}
