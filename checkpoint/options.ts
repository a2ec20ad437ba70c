/** What an author gives a checkpoint. */
import type { Logger } from 'pino'
import type { Journal } from './journal.ts'
import type { CheckpointLimits } from './limits.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import type { Time } from './time.ts'

/** What a checkpoint is made of. Only the journal must be given by a program that stands alone. */
export interface CheckpointOptions {
  /** Where the state's history is kept: the single source of truth. Closed with the checkpoint. */
  readonly journal: Journal
  /**
   * Where copies of the state are kept, so that a start need not read all of the history, and the journal is truncated behind them. Closed
   * with the checkpoint. Default: none is taken, and the journal grows.
   */
  readonly snapshots?: SnapshotStore
  /**
   * How many standbys follow the same journal, if that is known: 0 has a leader take its snapshots itself without waiting whether another
   * does. Default: not known.
   */
  readonly standbys?: () => number | undefined
  /** Unique to this process; default a random UUID. */
  readonly incarnation?: string
  /** Name that survives restarts, for people; default the host's name. */
  readonly node?: string
  /** Where balancers reach this node, asked for at each claim; none if it serves nobody. */
  readonly url?: () => string
  /** Told of each change of phase; default JSON lines on standard error, warnings and worse. */
  readonly log?: Logger
  /** Bounds other than {@link defaultLimits}. */
  readonly limits?: Partial<CheckpointLimits>
  /** What it waits and measures by; default the process's own. A simulation hands in another, and then nothing here waits for anything else. */
  readonly time?: Time
  /** From 0 to 1, for jitter and for the seed that keys are hashed with; default one that nobody can foretell. */
  readonly random?: () => number
  /** Names what must have a name of its own: an incarnation, a snapshot; default random UUIDs. */
  readonly newId?: () => string
}
