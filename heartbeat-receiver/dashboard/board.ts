/**
 * What the dashboard and the live views of the terminal show, as one value: `GET /api/board`, and as server-sent events at
 * `GET /api/board/events`. All times are Unix milliseconds.
 */
import type { BackendView } from '../protocol.ts'

export { crashesMax, reignsMax, trafficIntervalMs, trafficPointsMax } from './fold.ts'

/** The whole picture, as the receiver that answers sees it. */
export interface Board {
  readonly atMs: number
  /** The receiver that answers. */
  readonly receiver: { readonly name: string; readonly version: string; readonly heartbeatMs: number }
  /** Itself first, then its peers in the order of `--peers`. */
  readonly receivers: readonly BoardReceiver[]
  /** The journal of the shards as the backends see it. */
  readonly journal: BoardJournal
  readonly shards: readonly BoardShard[]
  /** In a fixed order, by name. A backend that left stays, not alive, for a minute. */
  readonly backends: readonly BoardBackend[]
  readonly balancers: readonly BoardBalancer[]
  /** Oldest first; at most {@link reignsMax}. */
  readonly reigns: readonly BoardReign[]
  /** Oldest first; at most {@link crashesMax}. */
  readonly crashes: readonly BoardCrash[]
  /** All balancers together, a point each {@link trafficIntervalMs}, oldest first; at most {@link trafficPointsMax}. */
  readonly traffic: readonly TrafficPoint[]
  /** Which buttons make sense here. Each but reading needs the token, if there is one. */
  readonly can: { readonly handOver: boolean; readonly drain: boolean; readonly kill: boolean }
}

export interface BoardReceiver {
  readonly url: string
  readonly name: string | null
  readonly leads: boolean
  readonly reachable: boolean
  /** Why it cannot decide; null if it can, or follows another. */
  readonly problem: string | null
}

export interface BoardJournal {
  /** Null while no backend says so. */
  readonly reachable: boolean | null
  /** Records known to exist. */
  readonly offset: number
  readonly recordsPerSecond: number
}

export interface BoardShard {
  readonly shard: number
  readonly epoch: number
  readonly active: string | null
  readonly sinceMs: number | null
}

export interface BoardBackend extends Omit<BackendView, 'silentMs'> {
  /** It is to be chosen for nothing until it is undrained or started anew. */
  readonly draining: boolean
  /** Share of the silence that is needed to suspect it: 0 just heard, 1 suspected. */
  readonly silence: number
  /** Why it is gone; null while it is there. */
  readonly gone: string | null
}

export interface BoardBalancer {
  readonly name: string
  readonly sinceMs: number
  /** Null from one that does not say. */
  readonly figures: BalancerFigures | null
}

export interface BalancerFigures {
  readonly requestsPerSecond: number
  readonly errorsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** The most requests that were held at a time since the figures before. */
  readonly held: number
  readonly replaysPerSecond: number
}

export interface TrafficPoint extends BalancerFigures {
  readonly atMs: number
}

/**
 * The reign of one backend over one shard; from the second on each is a failover or a handover, or the same backend under a new epoch
 * (`previous` is its own name then), as a receiver that begins to lead gives it one.
 */
export interface BoardReign {
  readonly shard: number
  readonly epoch: number
  readonly name: string
  readonly previous: string | null
  readonly reason: string
  readonly planned: boolean
  /** When something was first seen to be wrong, or the handover was asked for. */
  readonly detectedAtMs: number
  readonly decidedAtMs: number
  readonly readyAtMs: number | null
  /** When a balancer gave a client the first good answer of this epoch. */
  readonly firstAnswerAtMs: number | null
  /** Requests that waited for its first answer, held or sent to it before it could answer, all balancers together; null until that is known. */
  readonly held: number | null
  readonly endedAtMs: number | null
}

export interface BoardCrash {
  readonly id: number
  readonly atMs: number
  readonly name: string
  readonly incarnation: string
  readonly reason: string
  /** True if it is certain that the process is no more. */
  readonly proven: boolean
  readonly lastLines: readonly string[]
  /** What was done about it, in one sentence. */
  readonly done: string
  /** What a person has to do, in one sentence; null if nothing. */
  readonly advice: string | null
}

/**
 * Server-sent: event `board` with a whole {@link Board} at the start of each connection, then `changes` and `beats`.
 * Sections that did not change are missing; those that are there replace what was there, except where said.
 */
export interface BoardChanges extends Partial<Omit<Board, 'backends' | 'reigns' | 'crashes' | 'traffic' | 'atMs'>> {
  readonly atMs: number
  /** Whole, when any is new, gone, or changed in what `figures` does not carry. */
  readonly backends?: readonly BoardBackend[]
  /**
   * Of those whose figures changed, while `backends` is missing: `[index, offset, lag, inFlight, eventLoopDelayMs, suspicion, silence]`, where
   * `index` is the place in the last `backends`.
   */
  readonly figures?: readonly (readonly number[])[]
  /** New or changed ones, told apart by shard and epoch. */
  readonly reigns?: readonly BoardReign[]
  /** New ones. */
  readonly crashes?: readonly BoardCrash[]
  /** New points. */
  readonly traffic?: readonly TrafficPoint[]
}

/** Server-sent `beats`: heartbeats of each backend since the last such event, a digit (9: or more) by place in the last `backends`. */
export interface BoardBeats {
  readonly atMs: number
  readonly beats: string
}
