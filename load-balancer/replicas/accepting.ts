/** Waits for a server to take connections. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** How often it is tried; seldom enough to cost nothing, often enough that nobody waits for us. */
const triedEveryMs = 25
const connectTimeoutMs = 1_000

/**
 * Resolves once a connection was accepted and still stood after `standsMs`: a container's port is accepted by Docker's own proxy before
 * anything listens inside, and closed at once. Rejects when `signal` aborts.
 */
export async function untilAccepts(url: string, standsMs: number, signal: AbortSignal): Promise<void> {
  const { hostname, port } = new URL(url)
  for (;;) {
    signal.throwIfAborted()
    if (await accepts(hostname, Number(port || 80), standsMs)) return
    await pause(triedEveryMs, undefined, { signal })
  }
}

async function accepts(host: string, port: number, standsMs: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: connectTimeoutMs })
  const ended = new Promise<false>((resolve) => {
    for (const event of ['error', 'end', 'close', 'timeout']) socket.once(event, () => resolve(false))
  })
  try {
    const connected = await Promise.race([once(socket, 'connect').then(() => true), ended])
    if (!connected || standsMs === 0) return connected
    return await Promise.race([pause(standsMs, true), ended])
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
