/**
 * A slow answer is no failure, a silent backend is one. Once requests have waited for some time and the backend said
 * nothing to anybody since, it is asked for a sign of life; without one, they are given up in the end. Pure.
 */

export interface Listening {
  nowMs: number
  /** When the request that waits longest was sent; undefined if none waits. */
  oldestSentMs: number | undefined
  /** When the backend was last heard. */
  heardMs: number
  /** Longest silence that is borne. */
  patienceMs: number
  /** Silence after which it is asked for a sign of life. */
  askMs: number
}

export function judgeSilence({
  nowMs,
  oldestSentMs,
  heardMs,
  patienceMs,
  askMs,
}: Listening): 'fine' | 'ask' | 'silent' {
  if (oldestSentMs === undefined) return 'fine'
  const silentMs = nowMs - Math.max(oldestSentMs, heardMs)
  if (silentMs >= patienceMs) return 'silent'
  return silentMs >= askMs ? 'ask' : 'fine'
}
