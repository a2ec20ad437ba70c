/** Callers of a checkpoint and their answers: each is told once, in log order, whatever another does with its own. */
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import type { Ticket } from './replica.ts'
import type { Outcome, Submission } from './submission.ts'

/** Who waits for an answer, and is told once. */
export interface Caller<R> {
  told(outcome: Outcome<R>): void
}

/** Who waits for a promise. No closure, which would keep alive what its neighbours see: thousands may wait. */
export class PromisedAnswer<R> implements Caller<R> {
  readonly #resolve: (result: R) => void
  readonly #reject: (error: unknown) => void

  constructor(resolve: (result: R) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  told(outcome: Outcome<R>): void {
    if (outcome.kind === 'failed') this.#reject(outcome.error)
    else if (outcome.kind === 'ran') this.#resolve(outcome.result)
  }
}

/** The answers that wait, those of reads among them, which are in no journal. */
export interface HeldAnswers {
  /** Length of their texts. */
  bytes: number
}

/** A ticket with who waits for it. A class, as `Encoded` is one. */
export class Pending implements Submission<unknown> {
  readonly encoded: Submission<unknown>['encoded']
  readonly undo: Submission<unknown>['undo']
  readonly outcome: Outcome<unknown>
  /** Null once told. */
  caller: Caller<unknown> | null
  readonly submittedAtMs: number
  /** Where its answer counts for as long as it waits. */
  readonly held: HeldAnswers

  constructor(made: Submission<unknown>, caller: Caller<unknown>, submittedAtMs: number, held: HeldAnswers) {
    this.encoded = made.encoded
    this.undo = made.undo
    this.outcome = made.outcome
    this.caller = caller
    this.submittedAtMs = submittedAtMs
    this.held = held
  }
}

/** The ticket of a caller. */
export function pending<R>(made: Submission<R>, caller: Caller<R>, submittedAtMs: number, held: HeldAnswers): Pending {
  held.bytes += heldBytes(made)
  return new Pending(made, caller as Caller<unknown>, submittedAtMs, held)
}

function heldBytes({ outcome }: Submission<unknown>): number {
  return outcome.kind === 'failed' ? 0 : outcome.responseText.length
}

/**
 * How many callers are told in one turn of the event loop, so that a large group's hold up nothing for long. What the first of them submit
 * upon their answers is on its way to the journal while the others are told: with thousands under way neither waits for the other.
 */
const toldPerTurn = 1_000

/** Callers whose transactions are durable and who are not told yet, in log order. */
export class Untold {
  readonly #groups: (readonly Ticket[])[] = []
  /** How many of the first group were told. */
  #told = 0
  #size = 0
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  /** How many callers are not told yet. */
  get size(): number {
    return this.#size
  }

  add(group: readonly Ticket[]): void {
    if (group.length === 0) return
    this.#groups.push(group)
    this.#size += group.length
  }

  /** Tells at most so many callers what their own transaction came to. */
  tell(countMax = toldPerTurn): void {
    for (let left = countMax; left > 0 && this.#groups.length > 0; ) {
      const group = this.#groups[0]!
      const from = this.#told
      const to = Math.min(from + left, group.length)
      left -= to - from
      this.#size -= to - from
      this.#told = to === group.length ? 0 : to
      if (to === group.length) this.#groups.shift() // before they are told: one of them may come here again
      for (let index = from; index < to; index++) {
        const ticket = group[index] as Pending
        answer(ticket, ticket.outcome, this.#log)
      }
    }
  }
}

/** Tells a caller whose answer waits for nothing. */
export function answerAtOnce<R>(caller: Caller<R>, outcome: Outcome<R>, log: Logger): void {
  try {
    caller.told(outcome)
  } catch (err) {
    log.error({ err }, 'a caller failed on its answer')
  }
}

/** Why those who waited are not answered by this process, as its replica says: certainly not applied, or left to its fate. */
export function fateOf(effect: 'reject' | 'abandon', node: string): CheckpointError {
  if (effect === 'reject')
    return new CheckpointError('NOT_ACTIVE', `${node} no longer leads; nothing of this was applied`)
  return new CheckpointError('STOPPED', `${node} stopped before its journal answered`)
}

/** Tells all of them the same failure. */
export function failAll(tickets: Iterable<Ticket>, error: CheckpointError, log: Logger): void {
  for (const ticket of tickets) answer(ticket as Pending, { kind: 'failed', error }, log)
}

/**
 * Tells callers who waited for `deadlineMs` that their outcome is unknown; their transactions stay where they are. Of what changed nothing it
 * is known.
 */
export function failOverdue(tickets: Iterable<Ticket>, deadlineMs: number, nowMs: number, log: Logger): void {
  const unknown = new CheckpointError('OUTCOME_UNKNOWN', 'the journal did not answer in time')
  const unproven = new CheckpointError('READ_UNPROVEN', 'the journal did not answer in time; nothing was to be changed')
  for (const ticket of [...(tickets as Iterable<Pending>)]) {
    if (nowMs - ticket.submittedAtMs < deadlineMs) continue
    const changedNothing = ticket.encoded === null && ticket.outcome.kind === 'ran'
    failAll([ticket], changedNothing ? unproven : unknown, log)
  }
}

function answer(waiting: Pending, outcome: Outcome<unknown>, log: Logger): void {
  const { caller } = waiting
  if (caller) waiting.held.bytes -= heldBytes(waiting)
  waiting.caller = null
  try {
    caller?.told(outcome)
  } catch (err) {
    log.error({ err }, 'a caller failed on its answer; the transaction stands') // must not cost the others theirs
  }
}
