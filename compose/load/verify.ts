/**
 * Judges a finished run: was every promise kept? Pure: a history and what is there at the end, findings out.
 * Sound for concurrent clients: it reports only what no order of the operations within their times can explain.
 */
import { type Finding, finding } from './findings.ts'
import type { FinalState, HistoryEntry, Operation } from './operations.ts'
import { verifySeat } from './verify-bookings.ts'
import { verifyCounter, verifyRegister } from './verify-sequences.ts'

/** All findings, in no particular order; empty if every promise was kept. */
export function verify(history: HistoryEntry[], final: FinalState): Finding[] {
  const byKey = Map.groupBy(history, ({ operation }) => keyOf(operation))
  const findings: Finding[] = []
  for (const [key, entries] of byKey) {
    const { operation } = entries[0]!
    if ('seat' in operation) findings.push(...verifySeat(key, entries, final.bookings.get(key)))
    else if ('counter' in operation) findings.push(...verifyCounter(key, entries, final.counters.get(key) ?? 0))
    else findings.push(...verifyRegister(key, entries, final.registers.get(key)))
  }
  for (const [seat, { user }] of final.bookings)
    if (!byKey.has(seat)) findings.push(finding('wrong', seat, `${user} holds it, and nobody asked for it`))
  return findings
}

/** The seat, counter or register an operation is about. Names do not overlap between the three. */
export function keyOf(operation: Operation): string {
  if ('seat' in operation) return operation.seat
  return 'counter' in operation ? operation.counter : operation.register
}
