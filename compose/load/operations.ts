/** What the test client asks of the ticket office, and what it may hear: the vocabulary of a history. */

/** A register's value is unique per write, so that a value tells which write a reader saw. */
export type Operation =
  | { op: 'book'; seat: string; user: string }
  | { op: 'cancel'; seat: string }
  | { op: 'read-seat'; seat: string }
  | { op: 'increment'; counter: string }
  | { op: 'read-counter'; counter: string }
  | { op: 'put'; register: string; value: string }
  | { op: 'compare-and-set'; register: string; expect: string | null; value: string }
  | { op: 'read-register'; register: string }

/** A legitimate answer. `not-found` is a 404, `mismatch` a 412 with what the register holds instead. */
export type Answer =
  | { type: 'booking'; user: string; id: string }
  | { type: 'taken'; user: string }
  | { type: 'cancelled' }
  | { type: 'not-found' }
  | { type: 'count'; value: number }
  | { type: 'register'; value: string; version: number }
  | { type: 'mismatch'; value: string | null; version: number }

/**
 * How one operation ended.
 * - `answered`: a legitimate answer.
 * - `not-applied`: an error that says it changed nothing.
 * - `unknown`: an error that leaves open whether it changed something.
 */
export type Outcome =
  | { type: 'answered'; answer: Answer }
  | { type: 'not-applied'; code: string }
  | { type: 'unknown'; code: string }

/** One operation of one client, with its times in Unix milliseconds (with fractions). */
export interface HistoryEntry {
  operation: Operation
  /** When it should have been sent. */
  intendedMs: number
  /** When it was sent. */
  startMs: number
  /** When its answer was complete, or its failure known. */
  endMs: number
  outcome: Outcome
  /** HTTP status; 0 if there was none. */
  status: number
  /** `X-Heartline-Backend` of the answer. */
  backend: string
  /** `X-Heartline-Epoch` of the answer; 0 if it had none. */
  epoch: number
  /** `X-Heartline-Replays` of the answer. */
  replays: number
}

/** What is there when all is over, as read back. Only keys of this run. */
export interface FinalState {
  bookings: Map<string, { user: string; id: string }>
  counters: Map<string, number>
  /** A register never set is absent. */
  registers: Map<string, { value: string; version: number }>
}

/** True for an operation that changes something. */
export function isWrite(operation: Operation): boolean {
  return !operation.op.startsWith('read-')
}
