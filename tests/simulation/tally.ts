/** What many worlds came to, added up. Pure. */
import type { Verdict } from './world.ts'

export interface Violation {
  readonly seed: number
  readonly what: string
}

export interface Tally {
  worlds: number
  operations: number
  answered: number
  events: number
  virtualMs: number
  counts: Record<string, number>
  violations: Violation[]
}

export function emptyTally(): Tally {
  return { worlds: 0, operations: 0, answered: 0, events: 0, virtualMs: 0, counts: {}, violations: [] }
}

export function addVerdict(tally: Tally, verdict: Verdict): void {
  tally.worlds++
  tally.operations += verdict.operations
  tally.answered += verdict.answered
  tally.events += verdict.events
  tally.virtualMs += verdict.virtualMs
  addCounts(tally.counts, verdict.counts)
  if (verdict.violation !== null) tally.violations.push({ seed: verdict.seed, what: verdict.violation })
}

export function addTally(tally: Tally, more: Tally): void {
  tally.worlds += more.worlds
  tally.operations += more.operations
  tally.answered += more.answered
  tally.events += more.events
  tally.virtualMs += more.virtualMs
  addCounts(tally.counts, more.counts)
  tally.violations.push(...more.violations)
}

function addCounts(counts: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const kind in more) counts[kind] = (counts[kind] ?? 0) + more[kind]!
}

/** The lines of a report. */
export function reportOf(tally: Tally, tookMs: number, workers: number): string[] {
  const perMinute = Math.round(tally.worlds / (tookMs / 60_000))
  const simulated = (tally.virtualMs / Math.max(1, tally.worlds) / 1_000).toFixed(1)
  const each = Math.round(tally.operations / Math.max(1, tally.worlds))
  const width = Math.max(...Object.keys(tally.counts).map((kind) => kind.length), 0)
  const kinds = Object.entries(tally.counts).sort(([left], [right]) => (left < right ? -1 : 1))
  return [
    ...kinds.map(([kind, times]) => `  ${kind.padEnd(width)}  ${times.toLocaleString('en')}`),
    '',
    `${tally.worlds.toLocaleString('en')} worlds of ${simulated} simulated seconds and ${each} operations on average`,
    `${tally.operations.toLocaleString('en')} operations, ${tally.answered.toLocaleString('en')} answered; ${tally.events.toLocaleString('en')} events`,
    `${perMinute.toLocaleString('en')} worlds a minute with ${workers} ${workers === 1 ? 'worker' : 'workers'} (${(tookMs / 1_000).toFixed(1)} s)`,
    `${tally.violations.length} violations${tally.violations.length === 0 ? '' : `: seeds ${tally.violations.map(({ seed }) => seed).join(', ')}`}`,
  ]
}
