/** The shell around {@link Replica}: a journal, a clock, timers and a log. What is decided is decided there. */
import { EventEmitter, once } from 'node:events'
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import type { Journal, JournalRecord } from './journal.ts'
import { JournalReader } from './journal-reader.ts'
import { CheckpointMap } from './map.ts'
import { encodeCommit, type Reign, recordVersion } from './record.ts'
import type { RememberedLimits } from './remembered.ts'
import { type Effect, Replica, type ReplicaLimits, type ReplicaPhase } from './replica.ts'
import { Store } from './store.ts'
import {
  type Identity,
  type Outcome,
  openingSession,
  type Submission,
  type SubmissionLimits,
  submission,
} from './submission.ts'

/** What a checkpoint is doing. `starting`: reading the journal; `stopping`: on its way out. */
export type CheckpointPhase = 'starting' | ReplicaPhase | 'stopping'

export interface CheckpointLimits extends RememberedLimits, ReplicaLimits, SubmissionLimits {
  /** Most transactions and reads waiting for their place in the log; beyond it QUEUE_FULL. */
  readonly queueMax: number
  /** Most bytes of transactions waiting; beyond it QUEUE_FULL. */
  readonly queueBytesMax: number
  /** After so long without an answer from the journal a caller is told OUTCOME_UNKNOWN, milliseconds. */
  readonly answerDeadlineMs: number
  /** How long `start` waits for a journal that cannot be reached, milliseconds. */
  readonly startDeadlineMs: number
}

export const defaultLimits: CheckpointLimits = {
  sessionsMax: 10_000,
  sessionIdleMs: 600_000,
  sessionBytesMax: 64 * 1024 * 1024,
  keysMax: 100_000,
  keyBytesMax: 256 * 1024 * 1024,
  keyAgeMs: 86_400_000,
  groupBytesMax: 900_000, // below Kafka's default max.message.bytes of 1,048,588, with room for the envelope
  transactionBytesMax: 900_000,
  responseBytesMax: 65_536,
  appendDeadlineMs: 1_000,
  appendDeadlineMaxMs: 8_000,
  settleDelayMs: 10,
  settleDelayMaxMs: 1_000,
  queueMax: 20_000,
  queueBytesMax: 64 * 1024 * 1024,
  answerDeadlineMs: 10_000,
  startDeadlineMs: 60_000,
}

export interface CheckpointOptions {
  readonly journal: Journal
  /** Unique to this process. */
  readonly incarnation: string
  /** Name that survives restarts. */
  readonly node: string
  /** Where balancers reach this node, asked for at each claim; none if it serves nobody. */
  readonly url?: () => string
  readonly log: Logger
  readonly limits?: Partial<CheckpointLimits>
}

export interface CheckpointStatus {
  readonly phase: CheckpointPhase
  /** Own reign; `[0, 0]` if it never claimed. */
  readonly reign: Reign
  /** The reign that the journal shows, and where its holder is reached. */
  readonly journalReign: Reign
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
}

/** What a standby answers from its own state. */
export interface StandbyRead<R> {
  readonly outcome: Outcome<R>
  /** Every write acknowledged more than so many milliseconds before is in the answer; see `staleness.ts`. */
  readonly stalenessMs: number
  /** The answer reflects all records below this offset. */
  readonly offset: number
  /** The epoch that the journal shows there. */
  readonly epoch: number
}

/** A standby's producer is kept warm by a void record this often, milliseconds: brokers close connections idle for ten minutes. */
const warmMs = 60_000
/** And by so many when it has caught up: the first connects, the others have its code compiled. */
const warmRecords = 10

type Pending = Submission<unknown> & {
  done: ((outcome: Outcome<unknown>) => void) | null
  readonly submittedAtMs: number
}

interface CheckpointEvents {
  phase: [phase: CheckpointPhase, reason: string]
  fenced: [by: { epoch: number; node: string }]
  fatal: [error: CheckpointError]
  /** A group of transactions and reads became durable and valid, so long after its append. */
  committed: [tookMs: number, size: number]
}

/** A shard's state on this process: reads and changes maps, follows its journal, and leads it when told. */
export class Checkpoint extends EventEmitter<CheckpointEvents> {
  readonly #options: CheckpointOptions
  readonly #limits: CheckpointLimits
  readonly #journal: Journal
  readonly #log: Logger
  readonly #store: Store
  readonly #replica: Replica
  readonly #reader: JournalReader
  readonly #stopping = new AbortController()
  /** Callers of `whenLeading`; not listeners, of which each costs a search among all when it goes. */
  readonly #held = new Set<(leads: boolean) => void>()
  #caughtUp = false
  #fatal: CheckpointError | null = null
  #flushScheduled = false
  #draining = false
  #warmAtMs = 0

  constructor(options: CheckpointOptions) {
    super()
    this.on('phase', (phase) => {
      if (this.leads || phase === 'stopping') for (const release of [...this.#held]) release(this.leads)
    })
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#journal = options.journal
    this.#log = options.log
    this.#store = new Store(this.#limits)
    const { incarnation, node, url = () => '' } = options
    this.#replica = new Replica({ incarnation, node, url, store: this.#store, limits: this.#limits })
    this.#reader = new JournalReader({
      journal: this.#journal,
      log: this.#log,
      startDeadlineMs: this.#limits.startDeadlineMs,
      offset: () => this.#replica.foldState.offset,
      read: (record) => this.#read(record),
      needsReading: () => this.#replica.needsReading,
      caughtUp: () => this.#reachedEnd(),
      looked: () => this.#looked(),
      failed: (error) => this.#fail(error),
    })
  }

  get phase(): CheckpointPhase {
    if (this.#stopping.signal.aborted || this.#fatal) return 'stopping'
    return this.#caughtUp ? this.#replica.phase : 'starting'
  }

  /** True while transactions are accepted here. */
  get leads(): boolean {
    return this.phase === 'active' || this.phase === 'settling'
  }

  /** Own reign; `[0, 0]` if it never claimed. */
  get reign(): Reign {
    return this.#replica.reign
  }

  /** A named map of the state. The same name gives the same map. Names are part of the journal: do not reuse one for other values. */
  map<V>(name: string): CheckpointMap<V> {
    return new CheckpointMap<V>(name, this.#store)
  }

  /**
   * Opens the journal and reads it to its end; then follows it as a standby. While the journal cannot be reached it says so, waits and tries again.
   * @throws CheckpointError JOURNAL_UNSAFE at once; JOURNAL_UNREACHABLE when the start deadline has passed; HISTORY_LOST, HISTORY_DIVERGED,
   * JOURNAL_UNREADABLE if the journal cannot be trusted.
   */
  async start(): Promise<void> {
    await this.#reader.open()
    await this.#reader.start()
    while (!this.#caughtUp && !this.#fatal) {
      this.#stopping.signal.throwIfAborted()
      await once(this, 'phase')
    }
    if (this.#fatal) throw this.#fatal
  }

  /** Begins a reign, or a higher one. False if the journal shows one as high already (another was named since), is not read yet, or is closed. */
  lead(epoch: number): boolean {
    if (this.phase === 'stopping' || this.phase === 'starting') return false
    const accepted = this.#replica.lead(epoch, performance.now())
    this.#drain()
    return accepted
  }

  /**
   * Runs `work` as one transaction; resolves with its result when it is durable and known valid.
   * @throws CheckpointError with `outcome` `not applied` (NOT_ACTIVE, QUEUE_FULL, TOO_LARGE …) or `unknown` (OUTCOME_UNKNOWN, STOPPED);
   * whatever `work` throws, with nothing changed.
   */
  transact<R>(work: () => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.submit(work, encodeNothing, undefined, (outcome) => {
        if (outcome.kind === 'failed') reject(outcome.error)
        else if (outcome.kind === 'ran') resolve(outcome.result)
      })
    })
  }

  /** A linearizable read: waits for all it saw to be durable, and for proof, by a record appended after it began, that the reign still holds. */
  read<R>(work: () => R): Promise<R> {
    return this.transact(() => this.#store.view(work))
  }

  /** Reads this process's own state as it is: on a standby it may be old, on the active it may yet be lost. */
  stale<R>(work: () => R): R {
    return this.#store.view(work)
  }

  /**
   * Runs `work` at once upon a standby's own state, and tells how old that may be. It is the state that the active had at `offset`: old,
   * but never one that was not. Undefined if this is no standby that has caught up once, or if the state may be older than `limitMs`.
   */
  readStandby<R>(work: () => R, encodeResponse: (result: R) => string, limitMs: number): StandbyRead<R> | undefined {
    if (this.phase !== 'standby') return undefined
    const stalenessMs = this.#reader.stalenessMs(limitMs)
    if (stalenessMs > limitMs) return undefined
    const { offset, reign } = this.#replica.foldState
    const { outcome } = submission(this.#store, this.#limits, work, encodeResponse, { readOnly: true })
    return { outcome, stalenessMs, offset, epoch: reign[0] }
  }

  /** Opens a session in which a balancer numbers its requests; resolves with its name. */
  openSession(): Promise<string> {
    return new Promise<string>((resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal) reject(refusal)
      else {
        this.#enqueue(openingSession(this.#store), (outcome) => {
          if (outcome.kind === 'ran') resolve(outcome.result)
          else if (outcome.kind === 'failed') reject(outcome.error)
        })
      }
    })
  }

  /** The general form of `transact`: with the caller's identity, and `done` called in log order. */
  submit<R>(
    work: () => R,
    encodeResponse: (result: R) => string,
    identity: Identity | undefined,
    done: (outcome: Outcome<R>) => void,
  ): void {
    const refusal = this.#refusal()
    if (refusal) done({ kind: 'failed', error: refusal })
    else this.#enqueue(submission(this.#store, this.#limits, work, encodeResponse, identity), done)
  }

  /** Resolves when this process leads; false if it does not within `deadlineMs`. */
  async whenLeading(deadlineMs: number): Promise<boolean> {
    if (this.leads) return true
    if (this.phase === 'stopping' || this.#held.size >= this.#limits.queueMax) return false
    return new Promise((resolve) => {
      const release = (leads: boolean) => {
        clearTimeout(timer)
        this.#held.delete(release)
        resolve(leads)
      }
      const timer = setTimeout(() => release(this.leads), deadlineMs)
      this.#held.add(release)
    })
  }

  status(): CheckpointStatus {
    const nowMs = performance.now()
    const { offset, reign, url } = this.#replica.foldState
    return {
      phase: this.phase,
      reign: this.#replica.reign,
      journalReign: reign,
      activeUrl: url,
      offset,
      lag: this.#reader.lag,
      unsettledMs: this.#replica.unsettledMs(nowMs),
      journalReachable: this.#reader.reachable,
      queued: this.#replica.queued,
    }
  }

  /** A plain copy of the whole state, for comparing replicas. */
  snapshot(): unknown {
    return this.#store.snapshot()
  }

  /** Stops: waits up to `drainMs` for what is queued, then gives up the reign and the journal. */
  async close(drainMs = 1_000): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const deadline = performance.now() + drainMs
    while (this.leads && this.#replica.queued > 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 5))
    this.#stopping.abort(new CheckpointError('STOPPED', 'the checkpoint was closed'))
    this.emit('phase', 'stopping', 'closed')
    const stopped = this.#reader.stop()
    this.#replica.resign('closed')
    this.#drain()
    await stopped
    await this.#journal.close()
  }

  #refusal(): CheckpointError | null {
    if (!this.leads) return new CheckpointError('NOT_ACTIVE', `${this.#options.node} does not lead; ask the active`)
    if (this.#replica.queued >= this.#limits.queueMax || this.#replica.queuedBytes >= this.#limits.queueBytesMax) {
      return new CheckpointError('QUEUE_FULL', 'too many transactions wait for the journal; try again later')
    }
    return null
  }

  #enqueue<R>(made: Submission<R>, done: (outcome: Outcome<R>) => void): void {
    const pending: Pending = {
      ...made,
      done: done as (outcome: Outcome<unknown>) => void,
      submittedAtMs: performance.now(),
    }
    this.#replica.submit(pending)
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    setImmediate(() => {
      this.#flushScheduled = false
      this.#replica.flush(performance.now()) // after this turn of the event loop: what arrived in it shares a group
      this.#drain()
    })
  }

  #read({ offset, value }: JournalRecord): void {
    if (this.#fatal) return
    this.#replica.read(offset, value, performance.now())
    this.#drain()
  }

  #reachedEnd(): void {
    if (this.#caughtUp || this.#fatal) return
    this.#caughtUp = true
    this.#log.info({ offset: this.#replica.foldState.offset }, 'caught up with the journal')
    this.emit('phase', this.phase, 'caught up')
    void this.#warm(warmRecords)
  }

  #looked(): void {
    this.#replica.ended(this.#reader.end, performance.now())
    this.#drain()
    this.#sweep()
    if (this.#caughtUp && performance.now() - this.#warmAtMs > warmMs) void this.#warm(1)
  }

  /** Tells callers who waited too long that their outcome is unknown; their transactions stay where they are. */
  #sweep(): void {
    const nowMs = performance.now()
    if (this.#replica.unsettledMs(nowMs) < this.#limits.answerDeadlineMs) return
    for (const ticket of this.#replica.waiting()) {
      const pending = ticket as Pending
      if (nowMs - pending.submittedAtMs < this.#limits.answerDeadlineMs) continue
      this.#answer(pending, {
        kind: 'failed',
        error: new CheckpointError('OUTCOME_UNKNOWN', 'the journal did not answer in time'),
      })
    }
  }

  /** A commit of reign 0.0 is void for every reader; appending one connects the producer and runs its code before it is needed. */
  async #warm(records: number): Promise<void> {
    this.#warmAtMs = performance.now()
    const head = { type: 'commit', version: recordVersion, reign: [0, 0], at: 0 } as const
    const { incarnation } = this.#options
    try {
      for (let count = 0; count < records && this.phase === 'standby'; count++) {
        const value = encodeCommit({ ...head, incarnation, digest: this.#replica.foldState.digest }, [])
        await this.#journal.append(value, this.#limits.appendDeadlineMs)
      }
    } catch (error) {
      this.#log.debug({ err: error }, 'the producer could not be warmed')
    }
  }

  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    try {
      for (let effects = this.#replica.takeEffects(); effects.length > 0; effects = this.#replica.takeEffects()) {
        for (const effect of effects) this.#carryOut(effect)
      }
      if (this.#replica.needsReading) this.#reader.wake()
    } finally {
      this.#draining = false
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'append':
        if (effect.delayMs === 0) void this.#append(effect)
        else setTimeout(() => void this.#append(effect), effect.delayMs)
        return
      case 'answer':
        this.emit('committed', effect.tookMs, effect.tickets.length)
        for (const ticket of effect.tickets) this.#answer(ticket as Pending, (ticket as Pending).outcome)
        return
      case 'reject': {
        const error = new CheckpointError(
          'NOT_ACTIVE',
          `${this.#options.node} no longer leads; nothing of this was applied`,
        )
        for (const ticket of effect.tickets) this.#answer(ticket as Pending, { kind: 'failed', error })
        return
      }
      case 'abandon': {
        const error = new CheckpointError('STOPPED', `${this.#options.node} stopped before its journal answered`)
        for (const ticket of effect.tickets) this.#answer(ticket as Pending, { kind: 'failed', error })
        return
      }
      case 'phase':
        this.#log.info(
          { from: effect.from, to: effect.to, reign: this.#replica.reign, reason: effect.reason },
          'phase changed',
        )
        this.emit('phase', this.phase, effect.reason)
        return
      case 'fenced':
        this.#log.warn(
          { event: 'fenced', reign: effect.reign, by: effect.by.node, byReign: effect.by.reign },
          `fenced: ${effect.by.node} leads with epoch ${effect.by.reign[0]}; what was not acknowledged here is void`,
        )
        this.emit('fenced', { epoch: effect.by.reign[0], node: effect.by.node })
        return
      case 'reread':
        this.#reader.reread(effect.from)
        return
    }
  }

  #answer(pending: Pending, outcome: Outcome<unknown>): void {
    const { done } = pending
    pending.done = null
    try {
      done?.(outcome)
    } catch (err) {
      this.#log.error({ err }, 'a caller failed on its answer; the transaction stands') // must not cost the others theirs
    }
  }

  async #append({ token, value, deadlineMs }: Extract<Effect, { type: 'append' }>): Promise<void> {
    if (this.#stopping.signal.aborted || this.#fatal) return
    let offset: number | null = null
    let reason = ''
    try {
      offset = await this.#journal.append(value, deadlineMs)
    } catch (err) {
      this.#log.debug({ err }, 'an append failed; its outcome is unknown')
      reason = err instanceof Error ? err.message : String(err)
    }
    const nowMs = performance.now()
    try {
      if (offset === null) this.#replica.appendFailed(token, nowMs, reason)
      else this.#replica.appended(token, offset, nowMs)
    } catch (error) {
      this.#fail(error)
    }
    this.#drain()
  }

  #fail(error: unknown): void {
    if (this.#fatal) return
    this.#fatal =
      error instanceof CheckpointError
        ? error
        : new CheckpointError(
            'JOURNAL_UNREADABLE',
            `the journal could not be applied at offset ${this.#replica.foldState.offset}: ${String(error)}`,
            error,
          )
    void this.#reader.stop()
    this.#replica.resign(this.#fatal.code)
    this.#drain()
    this.emit('phase', 'stopping', this.#fatal.message)
    this.emit('fatal', this.#fatal)
  }
}

/** What `transact` records is never asked for again. */
function encodeNothing(): string {
  return 'null'
}
