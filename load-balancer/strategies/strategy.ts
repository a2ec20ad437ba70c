/** How a request's backend is chosen where any of several may take it: the interface, and the one place that makes them. Pure. */
import type { StrategySettings } from './config.ts'
import { ConsistentHash } from './consistent-hash.ts'
import { LeastConnections } from './least-connections.ts'
import { type PeakEwma, PeakEwmaStrategy } from './peak-ewma.ts'
import { RoundRobin } from './round-robin.ts'
import { Weighted } from './weighted.ts'

/** What a strategy sees of one member. */
export interface LiveMember {
  readonly name: string
  /** Above 0. */
  readonly weight: number
  /** Requests that wait for its answer now. */
  readonly inFlight: number
  /** How long its answers take; kept per member by whoever sends. */
  readonly latency: PeakEwma
}

/** One request for which a member is sought. */
export interface Choice<M extends LiveMember> {
  /**
   * Sorted by name, each name once. Another array whenever a member, its name or its weight changes, and the
   * same one otherwise: what strategies prepare (turns, rings) is kept for as long as the array is the same.
   */
  readonly members: readonly M[]
  /** False for members that this request has tried, or that take none now. */
  readonly may: (member: M) => boolean
  /** What consistent hashing goes by; null lets chance decide. */
  readonly key: string | null
  /** Monotonic time, milliseconds. */
  readonly nowMs: number
  /** Numbers from 0 to below 1. */
  readonly random: () => number
}

/** A way to choose. It keeps turns and rings between requests; a new one starts afresh. */
export interface Strategy {
  /** The member to send to; undefined if none may. */
  choose<M extends LiveMember>(choice: Choice<M>): M | undefined
}

/** A fresh strategy of the kind that the settings name. */
export function createStrategy(settings: StrategySettings): Strategy {
  switch (settings.strategy) {
    case 'round-robin':
      return new RoundRobin()
    case 'weighted':
      return new Weighted()
    case 'least-connections':
      return new LeastConnections()
    case 'consistent-hash':
      return new ConsistentHash({
        slots: settings.hashSlots,
        virtualNodes: settings.hashVirtualNodes,
        bound: settings.hashBound,
      })
    case 'peak-ewma':
      return new PeakEwmaStrategy()
  }
}
