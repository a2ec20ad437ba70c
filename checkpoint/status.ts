/** What a checkpoint tells of itself, and of a read that a standby answered. */
import type { CheckpointError } from './errors.ts'
import type { ProgressStatus } from './progress-report.ts'
import type { Reign } from './record.ts'
import type { ReplicaPhase } from './replica.ts'
import type { Outcome } from './submission.ts'

/** What a checkpoint is doing. `starting`: reading the journal; `stopping`: on its way out. */
export type CheckpointPhase = 'starting' | ReplicaPhase | 'stopping'

/** What a checkpoint emits. */
export interface CheckpointEvents {
  phase: [phase: CheckpointPhase, reason: string]
  fenced: [by: { epoch: number; node: string }]
  fatal: [error: CheckpointError]
  /** A group of transactions and reads became durable and valid, so long after its append. */
  committed: [tookMs: number, size: number]
}

/** What a checkpoint says of itself. */
export interface CheckpointStatus {
  /** What it is doing. */
  readonly phase: CheckpointPhase
  /** Own reign; `[0, 0]` if it never claimed. */
  readonly reign: Reign
  /** The reign that the journal shows. */
  readonly journalReign: Reign
  /** Where that holder is reached; empty if it serves nobody. */
  readonly activeUrl: string
  /** The next offset to read. */
  readonly offset: number
  /** Records known to stand beyond `offset`. */
  readonly lag: number
  /** Age of the oldest append whose outcome is unknown, milliseconds. */
  readonly unsettledMs: number
  /** True if the journal answered within the last two seconds. */
  readonly journalReachable: boolean
  /** Transactions and reads waiting for their place in the log. */
  readonly queued: number
  /** True if reads are answered from memory: a lease holds. */
  readonly leased: boolean
  /** Reads, and what else changed nothing, since the start: answered under a lease, or by a barrier, for which a record was appended. */
  readonly reads: { readonly byLease: number; readonly byBarrier: number }
  /** How far a cold start or a catch-up is; null if none is under way. */
  readonly progress: ProgressStatus | null
  /** Null if no snapshots are kept. */
  readonly snapshot: SnapshotStatus | null
}

/** The snapshots of a checkpoint's state, as last seen. */
export interface SnapshotStatus {
  /** The one that starts highest. */
  readonly newest: {
    readonly generation: string
    /** The journal is needed from here on. */
    readonly offset: number
    /** By the wall clock of who wrote it. */
    readonly writtenAtMs: number
    readonly bytes: number
    readonly keys: number
  } | null
  /** Bytes of journal since, or since its beginning: what a start has to read. */
  readonly tailBytes: number
  /** True while this process takes one. */
  readonly taking: boolean
  /** How long the last one took that this process wrote; null if it wrote none. */
  readonly tookMs: number | null
}

/** What a standby answers from its own state. */
export interface StandbyRead<R> {
  /** What `work` returned, or how it failed. */
  readonly outcome: Outcome<R>
  /** Every write acknowledged more than so many milliseconds before is in the answer; see `staleness.ts`. */
  readonly stalenessMs: number
  /** The answer reflects all records below this offset. */
  readonly offset: number
  /** The epoch that the journal shows there. */
  readonly epoch: number
}
