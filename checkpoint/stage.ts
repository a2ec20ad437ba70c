/**
 * A stage for directed scenarios of {@link Replica}: one log, and writers whose appends land, and are answered, only when a scenario says so.
 */
import assert from 'node:assert/strict'
import { type CheckpointLimits, defaultLimits } from './checkpoint.ts'
import { type Effect, Replica, type Ticket } from './replica.ts'
import type { Moment } from './staleness.ts'
import { Store } from './store.ts'
import { type Identity, type Outcome, openingSession, submission } from './submission.ts'

type Append = Extract<Effect, { type: 'append' }>

/** A writer on a stage. */
export class StageWriter {
  readonly store: Store
  readonly replica: Replica
  readonly outcomes: Outcome<unknown>[] = []
  readonly rejected: Ticket[] = []
  /** Sent, and neither answered nor given up. */
  readonly appends: Append[] = []
  nowMs = 0
  readonly #log: Uint8Array[]
  readonly #limits: CheckpointLimits

  constructor(log: Uint8Array[], incarnation: string, limits: CheckpointLimits) {
    this.#log = log
    this.#limits = limits
    this.store = new Store(limits)
    this.replica = new Replica({ incarnation, node: incarnation, url: () => '', store: this.store, limits })
  }

  /** The results of what ran and was answered, in order. */
  get answered(): unknown[] {
    return this.outcomes.map((outcome) => (outcome.kind === 'ran' ? outcome.result : outcome.kind))
  }

  lead(epoch: number): void {
    this.#act(() => this.replica.lead(epoch, this.nowMs))
  }

  /** Adds one to the counter, or reads it. */
  ask(kind: 'increment' | 'read', identity?: Identity): void {
    const work = () => {
      const value = (this.store.get('m', 'c') as number | undefined) ?? 0
      if (kind === 'increment') this.store.set('m', 'c', value + 1)
      return kind === 'increment' ? value + 1 : value
    }
    this.run(work, identity)
  }

  /** Runs any work as a transaction. */
  run(work: () => number, identity?: Identity): void {
    this.#act(() => {
      const made = submission(this.store, this.#limits, work, String, identity)
      const way = made.encoded === null ? this.replica.wayOfRead(this.#moment) : 'barrier'
      if (way === 'at-once') this.#answered(made)
      else this.replica.submit(made, way)
    })
  }

  /** The receiver grants a lease from now on. */
  leased(epoch: number, forMs: number): void {
    this.replica.lease.grant({ epoch, forMs, sentAt: this.#moment })
  }

  openSession(): void {
    this.#act(() => this.replica.submit(openingSession(this.store)))
  }

  flush(): void {
    this.#act(() => this.replica.flush(this.nowMs))
  }

  /** The oldest append lands; its offset. */
  land(): number {
    return this.#log.push(this.appends[0]!.value) - 1
  }

  /** The answer to the oldest append arrives. */
  acknowledge(offset: number): void {
    this.#act(() => this.replica.appended(this.appends.shift()!.token, offset, this.nowMs))
  }

  timeOut(): void {
    this.#act(() => this.replica.appendFailed(this.appends.shift()!.token, this.nowMs, 'deadline'))
  }

  /** The journal was seen to end at `end`. */
  sawEnd(end: number): void {
    this.#act(() => this.replica.ended(end, this.nowMs))
  }

  readAll(): void {
    this.#act(() => {
      for (let { offset } = this.replica.foldState; offset < this.#log.length; offset++)
        this.replica.read(offset, this.#log[offset]!, this.nowMs)
    })
  }

  /** Everything lands and is answered until nothing is under way. */
  settle(): void {
    this.flush()
    while (this.appends.length > 0) {
      this.acknowledge(this.land())
      this.readAll()
    }
  }

  get #moment(): Moment {
    return { monotonicMs: this.nowMs, wallMs: this.nowMs }
  }

  #act(step: () => unknown): void {
    step()
    for (const effect of this.replica.takeEffects()) {
      if (effect.type === 'append') this.appends.push(effect)
      if (effect.type === 'reject') this.rejected.push(...effect.tickets)
      if (effect.type === 'answer') for (const ticket of effect.tickets) this.#answered(ticket)
    }
  }

  #answered(ticket: Ticket): void {
    const { outcome } = ticket as Ticket & { outcome?: Outcome<unknown> }
    if (outcome) this.outcomes.push(outcome) // a writer's own housekeeping has none
  }
}

export class Stage {
  readonly log: Uint8Array[] = []

  writer(incarnation: string, limits: Partial<CheckpointLimits> = {}): StageWriter {
    return new StageWriter(this.log, incarnation, { ...defaultLimits, ...limits })
  }

  /** A writer that has read everything and leads. */
  leader(incarnation: string, epoch: number, limits: Partial<CheckpointLimits> = {}): StageWriter {
    const writer = this.writer(incarnation, limits)
    writer.readAll()
    writer.lead(epoch)
    writer.settle()
    assert.equal(writer.replica.phase, 'active')
    return writer
  }
}
