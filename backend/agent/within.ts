/** A bounded wait. */
import { setTimeout as delay } from 'node:timers/promises'

/** True if `promise` settles within so many milliseconds; its rejection is the caller's. */
export async function within(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const patience = new AbortController()
  const late = delay(timeoutMs, false, { signal: patience.signal })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    patience.abort()
    late.catch(() => undefined) // it was given up
  }
}
