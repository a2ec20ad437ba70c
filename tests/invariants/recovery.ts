/** Invariant 6: after all faults are healed, what clients ask is answered again, each time within a bound. */
import { line } from '../linearizability/explanation.ts'
import type { Operation } from '../linearizability/operation.ts'
import type { Finding } from './finding.ts'

export interface RecoveryBound {
  /** From here on every operation must be answered: the moment of healing and the time that recovering may take. */
  readonly fromMs: number
  /** An operation must be answered within so long. */
  readonly withinMs: number
  /** The end of the record: operations begun later than `withinMs` before it are not judged. */
  readonly untilMs: number
  /** So many operations must have been judged, or nothing was shown. */
  readonly operationsMin: number
}

/** Errors do not count as answers, known outcome or not. */
export function recovered(
  operations: readonly Operation[],
  { fromMs, withinMs, untilMs, operationsMin }: RecoveryBound,
): Finding | null {
  const judged = operations.filter(({ startMs }) => startMs >= fromMs && startMs <= untilMs - withinMs)
  const failed = judged.find(({ startMs, endMs, result }) => typeof result === 'string' || endMs - startMs > withinMs)
  if (failed)
    return { invariant: 6, lines: [`not answered within ${withinMs} ms, long after all was healed:`, line(failed)] }
  if (judged.length >= operationsMin) return null
  const few = `only ${judged.length} operations were begun from ${fromMs} ms on, and ${operationsMin} or more were to be`
  return { invariant: 6, lines: [few] }
}
