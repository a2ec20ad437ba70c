/**
 * The journal of decisions: a checkpointed map, which one receiver leads and the others follow. The receiver is a client of the checkpoint
 * library: its claims, fencing and standbys are what makes several receivers one.
 */
import { Checkpoint, type CheckpointOptions } from '../checkpoint/checkpoint.ts'
import type { CheckpointLimits } from '../checkpoint/limits.ts'
import type { CheckpointPhase } from '../checkpoint/status.ts'
import type { RecordedDecision } from './events.ts'
import type { Leader } from './leadership.ts'

const mapName = 'decisions'
/** The only one that receivers decide over so far. */
const shard = 0

/**
 * The journal grows by 20 small records a second, and holds next to nothing: a snapshot every few minutes keeps what a start has to read to a
 * few thousand records. Bytes.
 */
export const decisionsTailBytes = 512 * 1024
const limits: Partial<CheckpointLimits> = { snapshotTailBytes: decisionsTailBytes }

export interface DecisionLogListener {
  /** The journal was read to its end. `unseen`: from a snapshot on, so that claims before it were not read. */
  caughtUp(unseen: boolean): void
  /** What was read before is read again. */
  restoring(): void
  /** A valid record of another receiver was read. */
  read(): void
  /** This receiver leads: its claim is valid. */
  claimed(): void
  /** This receiver's claim was void, or another receiver leads. */
  lost(): void
}

export class DecisionLog {
  readonly #checkpoint: Checkpoint
  readonly #listener: DecisionLogListener
  #phase: CheckpointPhase = 'starting'

  constructor(options: CheckpointOptions, listener: DecisionLogListener) {
    this.#checkpoint = new Checkpoint({ ...options, limits })
    this.#listener = listener
    this.#checkpoint.on('phase', () => this.#phaseChanged())
    this.#checkpoint.on('read', () => listener.read())
  }

  /**
   * Waits for the journal for as long as it takes, and reads it; then follows it.
   * @throws CheckpointError if the journal cannot be trusted or the checkpoint is closed.
   */
  start(): Promise<void> {
    return this.#checkpoint.start()
  }

  /** Calls `listener` with the reason when the journal cannot be trusted any more. */
  onFailed(listener: (error: Error) => void): void {
    this.#checkpoint.on('fatal', listener)
  }

  /** Who claimed the journal last; null if nobody did. */
  get leader(): Leader | null {
    const { reign, incarnation, node, url } = this.#checkpoint.holder
    return reign[0] === 0 ? null : { incarnation, node, url }
  }

  /** The decisions as this process knows them. Asked for at every record that is read: looked up, for a walk over the map costs more than the rest. */
  get decisions(): RecordedDecision[] {
    return this.#checkpoint.stale(() => {
      const decision = this.#checkpoint.map<RecordedDecision>(mapName).get(String(shard))
      return decision ? [decision] : []
    })
  }

  /** True if the journal answers, and nothing is known to stand in it that was not read. */
  get readable(): boolean {
    const { journalReachable, lag } = this.#checkpoint.status()
    return journalReachable && lag === 0
  }

  /** Begins to claim. False if this is no time for it. */
  claim(): boolean {
    return this.#checkpoint.phase === 'standby' && this.#checkpoint.lead()
  }

  /** Resolves when the decision is durable. @throws CheckpointError, with the `outcome` not applied or unknown. */
  record(decision: RecordedDecision): Promise<void> {
    return this.#checkpoint.transact(() => {
      this.#checkpoint.map<RecordedDecision>(mapName).set(String(decision.shard), decision)
    })
  }

  /** Resolves when a record that was appended after this call is durable and known valid. @throws CheckpointError */
  renew(): Promise<void> {
    return this.#checkpoint.read(() => undefined)
  }

  async close(): Promise<void> {
    await this.#checkpoint.close()
  }

  /** `settling` is still the same leadership: an append whose outcome is being found out. */
  #phaseChanged(): void {
    const from = this.#phase
    const to = this.#checkpoint.phase
    this.#phase = to
    if (from === to || to === 'stopping') return
    if (to === 'starting') return this.#listener.restoring()
    if (from === 'starting' && to === 'standby')
      return this.#listener.caughtUp((this.#checkpoint.status().snapshot?.newest ?? null) !== null)
    const led = from === 'active' || from === 'settling'
    if (to === 'standby' || (to === 'claiming' && led)) return this.#listener.lost()
    if (to === 'active' && !led) this.#listener.claimed()
  }
}
