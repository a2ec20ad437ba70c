/** The decisions as a checkpointed map: the receiver is a client of the checkpoint library, and leads its own journal. */
import { type Checkpoint, CheckpointError } from '../checkpoint/index.ts'
import { ReceiverError } from './errors.ts'
import type { RecordedDecision } from './events.ts'

const mapName = 'decisions'

export class DecisionLog {
  readonly #checkpoint: Checkpoint
  #leads = false

  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint
  }

  /**
   * Waits for the journal for as long as it takes, reads it, begins a reign above all that it shows, and resolves with the decisions in it.
   * @throws CheckpointError if the journal cannot be trusted or the checkpoint is closed.
   */
  async open(): Promise<RecordedDecision[]> {
    await this.#checkpoint.start()
    this.#checkpoint.lead(this.#checkpoint.status().journalReign[0] + 1)
    await this.#leading()
    this.#leads = true
    return this.#checkpoint.stale(() =>
      [...this.#checkpoint.map<RecordedDecision>(mapName).entries()].map(([, decision]) => decision),
    )
  }

  /** Resolves when the decision is durable. @throws CheckpointError, with the `outcome` not applied or unknown. */
  record(decision: RecordedDecision): Promise<void> {
    return this.#checkpoint.transact(() => {
      this.#checkpoint.map<RecordedDecision>(mapName).set(String(decision.shard), decision)
    })
  }

  /** Calls `listener` once, with the reason, when this receiver must not go on deciding. */
  onEnd(listener: (error: Error) => void): void {
    this.#checkpoint.on('fatal', listener)
    this.#checkpoint.on('fenced', ({ node }) => listener(new ReceiverError('OUSTED', `receiver ${node}`)))
    this.#checkpoint.on('phase', (phase) => {
      if (phase === 'standby' && this.#leads) listener(new ReceiverError('OUSTED', 'another receiver'))
    })
  }

  async close(): Promise<void> {
    await this.#checkpoint.close()
  }

  #leading(): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const { phase } = this.#checkpoint
        if (phase === 'claiming') return
        this.#checkpoint.off('phase', check)
        if (phase === 'active') resolve()
        else if (phase === 'standby') reject(new ReceiverError('OUSTED', 'another receiver'))
        else reject(new CheckpointError('STOPPED', 'the receiver was stopped before it could decide'))
      }
      this.#checkpoint.on('phase', check)
      check()
    })
  }
}
