/** The shell around {@link Replica}: a journal, a clock, timers and a log. What is decided is decided there. */
import { EventEmitter, once } from 'node:events'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { failAll, failOverdue, fateOf, PromisedAnswer } from './answering.ts'
import { type Chance, realNewId, realRandom } from './chance.ts'
import { CheckpointError, inapplicable } from './errors.ts'
import { HeldCallers } from './held-callers.ts'
import { Intake } from './intake.ts'
import type { Journal, JournalRecord } from './journal.ts'
import { type JournalExtent, JournalReader } from './journal-reader.ts'
import type { LeaseGrant } from './lease.ts'
import { type CheckpointLimits, checkedLimits, groupTooLarge } from './limits.ts'
import { libraryLogger } from './logger.ts'
import { CheckpointMap } from './map.ts'
import type { CheckpointOptions } from './options.ts'
import { ProducerWarmth } from './producer-warmth.ts'
import type { Reign } from './record.ts'
import { type Effect, Replica } from './replica.ts'
import { nothingCovers } from './snapshot-manifest.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { Snapshots } from './snapshots.ts'
import { momentOf } from './staleness.ts'
import type { CheckpointEvents, CheckpointPhase, CheckpointStatus, StandbyRead } from './status.ts'
import { Store } from './store.ts'
import { type Identity, type Outcome, submission } from './submission.ts'
import { realTime, sleep, type Time } from './time.ts'

export { type CheckpointLimits, defaultLimits } from './limits.ts'
export type { CheckpointOptions } from './options.ts'
export type { CheckpointPhase, CheckpointStatus, SnapshotStatus, StandbyRead } from './status.ts'

/** A shard's state on this process: reads and changes maps, follows its journal, and leads it when told. */
export class Checkpoint extends EventEmitter<CheckpointEvents> {
  readonly #node: string
  readonly #incarnation: string
  readonly #limits: CheckpointLimits
  readonly #journal: Journal
  readonly #log: Logger
  readonly #time: Time
  readonly #store: Store
  readonly #replica: Replica
  readonly #reader: JournalReader
  readonly #stopping = new AbortController()
  readonly #held: HeldCallers
  readonly #warmth: ProducerWarmth
  readonly #snapshots: Snapshots | null
  #caughtUp = false
  #fatal: CheckpointError | null = null
  #draining = false
  readonly #intake: Intake

  constructor(options: CheckpointOptions) {
    super()
    this.on('phase', (phase) => {
      this.#snapshots?.phaseChanged(`the phase became ${phase}`)
      if (this.leads || phase === 'stopping') this.#held.release(this.leads)
    })
    const { journal, node = hostname(), url = () => '', log = libraryLogger(), time = realTime } = options
    const { random = realRandom, newId = realNewId } = options
    const { incarnation = newId() } = options
    if (incarnation === '')
      throw new CheckpointError('OPTIONS_WRONG', 'an incarnation needs a name; leave it out for one')
    this.#node = node
    this.#incarnation = incarnation
    this.#limits = checkedLimits(options.limits)
    this.#journal = journal
    this.#log = log
    this.#time = time
    this.#held = new HeldCallers(this.#limits.queueMax, time)
    const word = () => Math.floor(random() * 2 ** 32)
    this.#store = new Store(this.#limits, [word(), word()])
    this.#replica = new Replica({ incarnation, node, url, store: this.#store, limits: this.#limits })
    this.#intake = new Intake({
      node,
      limits: this.#limits,
      store: this.#store,
      replica: this.#replica,
      time,
      log,
      leads: () => this.leads,
      send: () => this.#send(),
    })
    this.#reader = new JournalReader({
      journal: this.#journal,
      log: this.#log,
      time,
      startDeadlineMs: this.#limits.startDeadlineMs,
      offset: () => this.#snapshots?.nextOffset ?? this.#replica.foldState.offset,
      awaited: () => this.#replica.awaited,
      restore: (extent, begin) => this.#restore(extent, begin),
      mayRestore: () => this.#snapshots !== null, // who leads has missed that it was fenced: nobody truncates ahead of a reign that lasts
      read: (record) => this.#read(record),
      needsReading: () => this.#replica.needsReading,
      caughtUp: () => this.#reachedEnd(),
      looked: () => this.#looked(),
      failed: (error) => this.#fail(error),
    })
    this.#warmth = new ProducerWarmth({
      journal: this.#journal,
      incarnation,
      log: this.#log,
      appendDeadlineMs: this.#limits.appendDeadlineMs,
      digest: () => this.#replica.foldState.digest,
      isStandby: () => this.phase === 'standby',
    })
    this.#snapshots = options.snapshots ? this.#keepSnapshots(options.snapshots, { ...options, random, newId }) : null
  }

  /** What it is doing. */
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

  /** Who holds the reign that the journal shows, as its claim says; `[0, 0]` and empty if nobody claimed it. */
  get holder(): { readonly reign: Reign; readonly incarnation: string; readonly node: string; readonly url: string } {
    const { reign, incarnation, node, url } = this.#replica.foldState
    return { reign, incarnation, node, url }
  }

  /** A named map of the state. The same name gives the same map. Names are part of the journal: do not reuse one for other values. */
  map<V>(name: string): CheckpointMap<V> {
    return new CheckpointMap<V>(name, this.#store)
  }

  /**
   * Opens the journal and reads it to its end; then follows it as a standby. While the journal cannot be reached it says so, waits and tries again.
   * @throws CheckpointError JOURNAL_UNSAFE at once; OPTIONS_WRONG if its groups could be larger than the journal takes; JOURNAL_UNREACHABLE when the start deadline has passed; HISTORY_LOST, HISTORY_DIVERGED,
   * JOURNAL_UNREADABLE if the journal cannot be trusted.
   */
  async start(): Promise<void> {
    await this.#reader.open(() => this.#snapshots?.open())
    const wrong = groupTooLarge(this.#limits.groupBytesMax, this.#journal.recordBytesMax ?? Number.POSITIVE_INFINITY)
    if (wrong !== undefined) throw new CheckpointError('OPTIONS_WRONG', wrong)
    await this.#reader.start()
    while (!this.#caughtUp && !this.#fatal) {
      this.#stopping.signal.throwIfAborted()
      await once(this, 'phase')
    }
    if (this.#fatal) throw this.#fatal
  }

  /**
   * Begins a reign, or a higher one. False if the journal shows one as high already (another was named since), is not read yet, or is closed.
   * The epoch is the receiver's word; without one it is the next after the journal's, for a program that stands alone.
   */
  lead(epoch: number = this.#replica.foldState.reign[0] + 1): boolean {
    if (this.phase === 'stopping' || this.phase === 'starting') return false
    const accepted = this.#replica.lead(epoch, this.#time.now())
    this.#drain()
    return accepted
  }

  /** Takes leave to answer reads from memory, which the receiver granted. It counts once the reign that it is for has begun, and while that lasts. */
  grantLease(grant: LeaseGrant): void {
    this.#replica.lease.grant(grant)
  }

  /**
   * Gives the lease up, and takes none again, for reigns up to this one, or to the epoch that is given: another may be named at once. Reads go
   * on by barriers. A lease of a higher epoch stays.
   */
  dropLease(epoch: number = this.#replica.reign[0]): void {
    this.#replica.lease.drop(epoch)
  }

  /** Somebody has heard of this epoch: a lease of a lower one is over. */
  sawEpoch(epoch: number): void {
    this.#replica.lease.saw(epoch)
  }

  /**
   * Runs `work` as one transaction; resolves with its result when it is durable and known valid.
   * @throws CheckpointError with `outcome` `not applied` (NOT_ACTIVE, QUEUE_FULL, TOO_LARGE …) or `unknown` (OUTCOME_UNKNOWN, STOPPED);
   * whatever `work` throws, with nothing changed.
   */
  transact<R>(work: () => R): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>()
    this.#intake.submit(work, encodeNothing, undefined, new PromisedAnswer(resolve, reject))
    return promise
  }

  /**
   * A linearizable read: waits for all it saw to be durable, and for proof that the reign still holds: a lease, or a record appended after it
   * began.
   */
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
    return this.#intake.openSession()
  }

  /** The general form of `transact`: with the caller's identity, and `done` called in log order. */
  submit<R>(
    work: () => R,
    encodeResponse: (result: R) => string,
    identity: Identity | undefined,
    done: (outcome: Outcome<R>) => void,
  ): void {
    this.#intake.submit(work, encodeResponse, identity, { told: done })
  }

  /** Resolves when this process leads; false if it does not within `deadlineMs`. */
  async whenLeading(deadlineMs: number): Promise<boolean> {
    if (this.leads) return true
    if (this.phase === 'stopping') return false
    return this.#held.wait(deadlineMs)
  }

  /** What it can say of itself now, for health checks and metrics. */
  status(): CheckpointStatus {
    const nowMs = this.#time.now()
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
      leased: this.#replica.leased(momentOf(this.#time)),
      reads: { ...this.#intake.reads },
      progress: this.#reader.progress.status(nowMs),
      snapshot: this.#snapshots?.status() ?? null,
    }
  }

  /**
   * Takes a snapshot now, whether or not one is due: before an upgrade, say, so that starts are quick. Resolves when it is durable, and what is
   * older is cleared away. Works on an active and on a standby.
   * @throws CheckpointError OPTIONS_WRONG if it was given nowhere to keep snapshots, NOT_ACTIVE while it is neither active nor a standby that
   * has caught up, JOURNAL_UNREACHABLE, STOPPED; an error that says why it was abandoned, as when the phase changes meanwhile
   */
  async takeSnapshot(): Promise<void> {
    if (!this.#snapshots)
      throw new CheckpointError('OPTIONS_WRONG', 'there is nowhere to keep snapshots: give the checkpoint `snapshots`')
    await this.#snapshots.takeNow()
  }

  /** A plain copy of the whole state, for comparing replicas. */
  snapshot(): unknown {
    return this.#store.snapshot()
  }

  /** Stops: waits up to `drainMs` for what is queued, then gives up the reign and the journal. */
  async close(drainMs = 1_000): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const deadline = this.#time.now() + drainMs
    while (this.leads && this.#replica.queued > 0 && this.#time.now() < deadline) await sleep(this.#time, 5)
    this.#stopping.abort(new CheckpointError('STOPPED', 'the checkpoint was closed'))
    this.emit('phase', 'stopping', 'closed')
    const stopped = this.#reader.stop()
    this.#replica.resign('closed')
    this.#drain()
    await Promise.all([stopped, this.#snapshots?.close()])
    await this.#journal.close()
  }

  #send(): void {
    this.#replica.flush(this.#time.now())
    this.#drain()
  }

  #read({ offset, value }: JournalRecord): void {
    if (this.#fatal) return
    this.#snapshots?.recordRead(offset, value)
    const { digest } = this.#replica.foldState // of the valid history: a void record leaves it as it is
    this.#replica.read(offset, value, this.#time.now())
    this.#drain()
    const { digest: then, incarnation } = this.#replica.foldState
    if (then !== digest && incarnation !== this.#incarnation) this.emit('read')
  }

  #keepSnapshots(
    snapshots: SnapshotStore,
    { standbys = () => undefined, random, newId }: Pick<CheckpointOptions, 'standbys'> & Chance,
  ): Snapshots {
    return new Snapshots({
      snapshots,
      standbys,
      store: this.#store,
      node: this.#node,
      log: this.#log,
      time: this.#time,
      random,
      newId,
      limits: this.#limits,
      phase: () => this.phase,
      foldState: () => this.#replica.foldState,
      lastValue: () => this.#replica.lastValue,
      goOnFrom: (state) => this.#replica.restore(state),
      settled: () => this.#intake.settled(),
      truncate: (before) => this.#journal.truncate(before),
      progress: () => this.#reader.progress,
    })
  }

  /** Before anything is read; and again, as a standby, when the journal was truncated ahead of what was read. */
  async #restore(extent: JournalExtent, begin: (from: number) => void): Promise<void> {
    const { offset } = this.#replica.foldState
    if (!this.#snapshots) {
      if (extent.start > offset) throw nothingCovers(extent.start, [])
      await extent.askEnd()
      return begin(offset)
    }
    if (this.#replica.phase !== 'standby') this.#replica.resign('restoring')
    this.#drain()
    if (this.#caughtUp) {
      this.#caughtUp = false
      this.emit('phase', this.phase, 'its journal was truncated ahead of it')
    }
    await this.#snapshots.restore(extent, begin)
  }

  #reachedEnd(): void {
    if (this.#caughtUp || this.#fatal) return
    this.#caughtUp = true
    this.#snapshots?.caughtUp()
    this.emit('phase', this.phase, 'caught up')
    this.#warmth.caughtUp(this.#time.now())
  }

  #looked(): void {
    const nowMs = this.#time.now()
    this.#replica.ended(this.#reader.end, nowMs)
    this.#drain()
    const { answerDeadlineMs } = this.#limits
    if (this.#replica.unsettledMs(nowMs) >= answerDeadlineMs) {
      failOverdue(this.#replica.waiting(), answerDeadlineMs, nowMs, this.#log)
    }
    if (this.#caughtUp) this.#warmth.keep(nowMs)
  }

  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    try {
      // What callers do upon their answers would hold up the next group: its bytes leave with the last of this turn's microtasks.
      if (!this.#carryOutAll()) {
        this.#intake.untold.tell()
        this.#carryOutAll() // what a caller asked for
      }
      if (this.#intake.untold.size > 0) this.#intake.wantTurn()
      if (this.#replica.needsReading) this.#reader.wake()
    } finally {
      this.#draining = false
    }
  }

  /** True if a record is on its way since. */
  #carryOutAll(): boolean {
    let appended = false
    for (let effects = this.#replica.takeEffects(); effects.length > 0; effects = this.#replica.takeEffects()) {
      for (const effect of effects) this.#carryOut(effect)
      appended = effects.at(-1)?.type === 'append'
    }
    return appended
  }

  #carryOut(effect: Effect): void {
    if (effect.type !== 'append' && effect.type !== 'answer') this.#intake.untold.tell(Number.POSITIVE_INFINITY) // in log order
    switch (effect.type) {
      case 'append':
        if (effect.delayMs === 0) void this.#append(effect)
        else this.#time.after(effect.delayMs, () => void this.#append(effect))
        return
      case 'answer':
        this.emit('committed', effect.tookMs, effect.tickets.length)
        this.#intake.untold.add(effect.tickets)
        return
      case 'reject':
      case 'abandon':
        failAll(effect.tickets, fateOf(effect.type, this.#node), this.#log)
        return
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

  async #append({ token, value, deadlineMs }: Extract<Effect, { type: 'append' }>): Promise<void> {
    if (this.#stopping.signal.aborted || this.#fatal) return
    let offset: number | null = null
    let reason = ''
    const read = this.#replica.foldState.offset
    try {
      offset = await this.#journal.append(value, deadlineMs)
      this.#reader.appended(read, offset)
    } catch (err) {
      this.#log.debug({ err }, 'an append failed; its outcome is unknown')
      reason = err instanceof Error ? err.message : String(err)
    }
    const nowMs = this.#time.now()
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
    this.#fatal = inapplicable(error, this.#replica.foldState.offset)
    void this.#reader.stop()
    this.#snapshots?.phaseChanged(this.#fatal.code)
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
