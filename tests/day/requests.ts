/** What clients ask for, and which answers are right. Pure, from a seed. */
import { type Random, randomBelow } from '../../compose/load/random.ts'

export interface Asked {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE' | 'POST'
  readonly path: string
  readonly body: string | null
  /** Statuses that are right. */
  readonly expected: readonly number[]
  /** True if even the death of its server must not show. */
  readonly exactlyOnce?: true
}

/** Draws the next request; `writes` is the share of those that write. */
export type Mix = (random: Random, writes: number) => Asked

const keys = 200

/** Requests to the ticket office. */
export const officeMix: Mix = (random, writes) => {
  const key = randomBelow(random, keys)
  const register = `/registers/r${key}`
  const draw = random()
  if (random() >= writes) {
    if (draw < 0.1) return { method: 'HEAD', path: register, body: null, expected: [200, 404] }
    if (draw < 0.3) return { method: 'GET', path: `/process?ms=${10 + key}`, body: null, expected: [200] }
    if (draw < 0.5) return { method: 'GET', path: `/bookings/s${key}`, body: null, expected: [200, 404] }
    return { method: 'GET', path: register, body: null, expected: [200, 404] }
  }
  if (draw < 0.4) return { method: 'PUT', path: register, body: `{"value":${key}}`, expected: [200] }
  if (draw < 0.6) return { method: 'DELETE', path: `/bookings/s${key}`, body: null, expected: [200, 404] }
  if (draw < 0.8)
    return {
      method: 'POST',
      path: '/bookings',
      body: `{"seat":"s${key}","user":"u"}`,
      expected: [201, 409],
      exactlyOnce: true,
    }
  return { method: 'POST', path: countedPath, body: '{}', expected: [200], exactlyOnce: true }
}
/** Each answered POST to it counts one. */
export const countedPath = '/counters/day/increments'

/** Requests to the shop, whose servers keep nothing in common. */
export const shopMix: Mix = (random, writes) => {
  const item = `/items?item=${randomBelow(random, keys)}`
  const draw = random()
  if (random() >= writes) return { method: draw < 0.1 ? 'HEAD' : 'GET', path: item, body: null, expected: [200] }
  if (draw < 0.5) return { method: 'PUT', path: item, body: `{"price":${randomBelow(random, 100)}}`, expected: [200] }
  if (draw < 0.7) return { method: 'DELETE', path: item, body: null, expected: [204] }
  return { method: 'POST', path: '/items', body: '{"price":1}', expected: [201] }
}

/** What a client got. */
export type Got = { readonly status: number; readonly text: string } | { readonly failure: string }

/** How an answer is to be judged: `unknown` is what HTTP allows for a POST whose server died (RFC 9110 9.2.2), and nothing else. */
export function judge({ method, expected, exactlyOnce }: Asked, got: Got): 'right' | 'unknown' | 'wrong' {
  if ('failure' in got) return 'wrong'
  if (expected.includes(got.status)) return 'right'
  if (method !== 'POST' || exactlyOnce) return 'wrong'
  return got.status === 502 && /"outcome": ?"unknown"/.test(got.text) ? 'unknown' : 'wrong'
}
