/** Asks a server from outside how it is. */
import { request } from 'undici'
import { probe } from '../../heartbeat-receiver/prober.ts'
import type { CheckOutcome } from './health.ts'

/** An answer to a check is read so far, bytes; who answers more is well all the same. */
const bodyBytesMax = 64 * 1024

export interface CheckOptions {
  /** Base URL of the server. */
  readonly url: string
  /** Path to GET; without one a connection that is accepted is enough. */
  readonly path: string | undefined
  readonly timeoutMs: number
}

/** Checks once, on a connection of its own: one that was kept says nothing of the next client's. Never rejects. */
export async function check({ url, path, timeoutMs }: CheckOptions): Promise<CheckOutcome> {
  if (path === undefined) return checkConnection(url, timeoutMs)
  const asked = `GET ${path}`
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const { statusCode, body } = await request(new URL(path, url), { signal, reset: true })
    body.dump({ limit: bodyBytesMax, signal }).catch(() => undefined) // its status has said all
    if (statusCode >= 200 && statusCode < 400) return { ok: true }
    return { ok: false, refused: false, reason: `${asked} answered ${statusCode}` }
  } catch (error) {
    const { code, name, message } = error as NodeJS.ErrnoException
    if (code === 'ECONNREFUSED') return { ok: false, refused: true, reason: `${asked}: connection refused` }
    const reason = name === 'TimeoutError' ? `was not answered within ${timeoutMs} ms` : `failed: ${message || code}`
    return { ok: false, refused: false, reason: `${asked} ${reason}` }
  }
}

async function checkConnection(url: string, timeoutMs: number): Promise<CheckOutcome> {
  const outcome = await probe(url, timeoutMs)
  if (outcome === 'connected') return { ok: true }
  return { ok: false, refused: outcome === 'refused', reason: `a connection to ${url}: ${outcome}` }
}
