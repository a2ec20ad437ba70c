/** Invariant 5, as a finding. */
import { check } from '../linearizability/check.ts'
import type { Operation } from '../linearizability/operation.ts'
import type { Finding } from './finding.ts'

export function linearizable(operations: readonly Operation[]): Finding | null {
  const violation = check(operations)
  return violation && { invariant: 5, lines: [`${violation.type}:`, ...violation.lines] }
}
