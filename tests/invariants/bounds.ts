/** Invariant 7: what is counted stays below its bound. */
import type { Finding } from './finding.ts'

/** Something that could grow: a queue, timers, open connections, requests held, sessions, log of a simulated disk. */
export interface Gauge {
  /** Whose, and what: `balancer-1 held requests`. */
  readonly name: string
  readonly value: number
  readonly max: number
}

export function bounded(gauges: Iterable<Gauge>): Finding | null {
  const over = [...gauges].filter(({ value, max }) => !(value <= max))
  if (over.length === 0) return null
  return { invariant: 7, lines: over.map(({ name, value, max }) => `${name}: ${value}, and ${max} is the most`) }
}
