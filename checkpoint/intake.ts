/**
 * What callers bring to a checkpoint: run at once upon the speculative state, refused where too much waits, and handed to the replica to come to
 * its answer. A shell.
 */
import type { Logger } from 'pino'
import { answerAtOnce, type Caller, type HeldAnswers, PromisedAnswer, pending, Untold } from './answering.ts'
import { CheckpointError } from './errors.ts'
import type { CheckpointLimits } from './limits.ts'
import type { Replica } from './replica.ts'
import { momentOf } from './staleness.ts'
import type { Store } from './store.ts'
import { type Identity, openingSession, type Submission, submission } from './submission.ts'
import type { Time } from './time.ts'

/** What arrived is sent before its turn of the event loop ends if that has lasted so long, milliseconds. */
const longTurnMs = 2

export interface IntakeOptions {
  readonly node: string
  readonly limits: CheckpointLimits
  readonly store: Store
  readonly replica: Replica
  readonly time: Time
  readonly log: Logger
  /** True while transactions are accepted. */
  readonly leads: () => boolean
  /** Sends what arrived in a turn of the event loop; to be called after it. */
  readonly send: () => void
}

export class Intake {
  /** Who is not told yet that it is durable. */
  readonly untold: Untold
  /** What changed nothing: answered under a lease, or by a record that was appended for it. */
  readonly reads = { byLease: 0, byBarrier: 0 }
  readonly #options: IntakeOptions
  readonly #heldAnswers: HeldAnswers = { bytes: 0 }
  #turnWanted = false
  /** When the first of this turn of the event loop came. */
  #turnAtMs = 0
  readonly #turn: () => void

  constructor(options: IntakeOptions) {
    this.#options = options
    this.untold = new Untold(options.log)
    this.#turn = () => {
      this.#turnWanted = false
      options.send()
    }
  }

  /** Runs `work` as one transaction; `caller` is told in log order, or at once if it is refused. */
  submit<R>(
    work: () => R,
    encodeResponse: (result: R) => string,
    identity: Identity | undefined,
    caller: Caller<R>,
  ): void {
    const { store, limits } = this.#options
    const refusal = this.#refusal()
    if (refusal) caller.told({ kind: 'failed', error: refusal })
    else this.#enqueue(submission(store, limits, work, encodeResponse, identity), caller)
  }

  openSession(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const refusal = this.#refusal()
    if (refusal) reject(refusal)
    else this.#enqueue(openingSession(this.#options.store), new PromisedAnswer(resolve, reject))
    return promise
  }

  /** A read for a snapshot: one more finds room in a full queue, or a leader that is always busy would never get one. */
  settled(): Promise<void> {
    const { node, store, limits, leads } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (!leads()) reject(new CheckpointError('NOT_ACTIVE', `${node} no longer leads`))
    else {
      const nothing = submission(
        store,
        limits,
        () => undefined,
        () => 'null',
      )
      this.#enqueue(nothing, new PromisedAnswer(resolve, reject))
    }
    return promise
  }

  /** Asks for work after this turn of the event loop: what arrived in it shares a group. */
  wantTurn(): void {
    if (this.#turnWanted) return
    this.#turnWanted = true
    this.#turnAtMs = Math.floor(this.#options.time.now())
    this.#options.time.soon(this.#turn)
  }

  #refusal(): CheckpointError | null {
    const { node, leads, replica, limits } = this.#options
    if (!leads()) return new CheckpointError('NOT_ACTIVE', `${node} does not lead; ask the active`)
    const { queueMax, queueBytesMax } = limits
    if (
      replica.queued + this.untold.size >= queueMax ||
      replica.queuedBytes >= queueBytesMax ||
      this.#heldAnswers.bytes >= queueBytesMax
    ) {
      return new CheckpointError('QUEUE_FULL', 'too many transactions wait for the journal; try again later')
    }
    return null
  }

  #enqueue<R>(made: Submission<R>, caller: Caller<R>): void {
    if (made.encoded === null) return this.#enqueueRead(made, caller)
    this.wantTurn()
    this.#options.replica.submit(pending(made, caller, this.#turnAtMs, this.#heldAnswers))
    this.#sendAfterLongTurn()
  }

  /** A turn that lasts, as when a successor is given all that was held, does not hold up what it began with. */
  #sendAfterLongTurn(): void {
    const { replica, time, send } = this.#options
    if (replica.mayAppend && time.now() - this.#turnAtMs >= longTurnMs) send()
  }

  /** What changed nothing, a refusal too, tells of the state that it saw when it ran, just now. */
  #enqueueRead<R>(made: Submission<R>, caller: Caller<R>): void {
    const { replica, time, log } = this.#options
    const now = momentOf(time)
    const way = replica.wayOfRead(now)
    this.reads[way === 'barrier' ? 'byBarrier' : 'byLease']++
    if (way === 'at-once') return answerAtOnce(caller, made.outcome, log)
    if (way === 'barrier') this.wantTurn()
    replica.submit(pending(made, caller, Math.floor(now.monotonicMs), this.#heldAnswers), way)
    if (way === 'barrier') this.#sendAfterLongTurn()
  }
}
