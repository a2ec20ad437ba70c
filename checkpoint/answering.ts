/** Callers of a checkpoint and their answers: each is told once, in log order, whatever another does with its own. */
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import type { Ticket } from './replica.ts'
import type { Outcome, Submission } from './submission.ts'

/** A ticket with who waits for it. */
export type Pending = Submission<unknown> & {
  done: ((outcome: Outcome<unknown>) => void) | null
  readonly submittedAtMs: number
}

/** The ticket of a caller who is told through `done`. */
export function pending<R>(made: Submission<R>, done: (outcome: Outcome<R>) => void, nowMs: number): Pending {
  return { ...made, done: done as (outcome: Outcome<unknown>) => void, submittedAtMs: nowMs }
}

/** Tells each caller what its own transaction came to. */
export function answerAll(tickets: readonly Ticket[], log: Logger): void {
  for (const ticket of tickets) answer(ticket as Pending, (ticket as Pending).outcome, log)
}

/** Tells all of them the same failure. */
export function failAll(tickets: Iterable<Ticket>, error: CheckpointError, log: Logger): void {
  for (const ticket of tickets) answer(ticket as Pending, { kind: 'failed', error }, log)
}

/** Tells callers who waited for `deadlineMs` that their outcome is unknown; their transactions stay where they are. */
export function failOverdue(tickets: Iterable<Ticket>, deadlineMs: number, nowMs: number, log: Logger): void {
  const error = new CheckpointError('OUTCOME_UNKNOWN', 'the journal did not answer in time')
  const overdue = [...tickets].filter((ticket) => nowMs - (ticket as Pending).submittedAtMs >= deadlineMs)
  failAll(overdue, error, log)
}

function answer(waiting: Pending, outcome: Outcome<unknown>, log: Logger): void {
  const { done } = waiting
  waiting.done = null
  try {
    done?.(outcome)
  } catch (err) {
    log.error({ err }, 'a caller failed on its answer; the transaction stands') // must not cost the others theirs
  }
}
