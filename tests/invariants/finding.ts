/** A broken promise: which of the invariants of the protocol (docs/simulation.md), and how, in lines for a person. */
export interface Finding {
  readonly invariant: Invariant
  readonly lines: readonly string[]
}

/**
 * 1 an acknowledged transaction is in every later state; 2 a request is applied at most once; 3 at most one reign's commits are valid at
 * any offset; 4 all backends at an offset hold equal state; 5 reads and writes are linearizable; 6 after faults heal, requests succeed
 * again within a bounded time; 7 memory, queues and open sockets are bounded.
 */
export type Invariant = 1 | 2 | 3 | 4 | 5 | 6 | 7

/** What each invariant says, for tables. */
export const invariantNames: Record<Invariant, string> = {
  1: 'an acknowledged transaction is in every later state',
  2: 'a request is applied at most once',
  3: "at most one reign's commits are valid at any offset",
  4: 'all backends at an offset hold equal state',
  5: 'reads and writes are linearizable',
  6: 'after faults heal, requests succeed again within a bounded time',
  7: 'memory, queues and open sockets are bounded',
}
