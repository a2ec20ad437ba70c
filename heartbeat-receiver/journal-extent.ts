/**
 * How far the journal goes, as far as heartbeats tell, and who is behind in it. Pure.
 *
 * Offsets come in heartbeats of different moments: what the journal grows by from one heartbeat to the next cannot be told apart, so whoever
 * misses no more than that is *abreast*. It is the journal's own growth that counts: a backend that catches up advances much faster, and by
 * that measure even one that is far behind would be abreast.
 */
import type { KnownBackend } from './known-backend.ts'
import type { Heartbeat } from './protocol.ts'

export interface JournalExtent {
  /** The offset at which the journal is known to end, or beyond. */
  readonly end: number
  /** Records that it grows by from one heartbeat to the next. */
  readonly growth: number
}

/** What all living backends together know of the journal: also those that may not lead have seen its end. */
export function journalExtent(backends: Iterable<KnownBackend>): JournalExtent {
  let end = 0
  let growth = 0
  for (const { status, liveness, growth: seen } of backends) {
    if (!status || liveness.state !== 'alive') continue
    end = Math.max(end, status.offset + status.lag)
    growth = Math.max(growth, seen)
  }
  return { end, growth }
}

/** Records that a backend is behind by; 0 if it is abreast. */
export function recordsBehind(status: Heartbeat | null, { end, growth }: JournalExtent): number {
  const missing = end - (status?.offset ?? 0)
  return missing > growth ? missing : 0
}

/**
 * Records by which the journal grew, seen by a backend that sent two heartbeats `gapMs` apart, for each `intervalMs`. Of one that catches up
 * only the end moves with the journal, and of one that has just found the journal again only the offset; so the lesser of both counts.
 * One that is starting knows too little to tell.
 */
export function journalGrowth(before: Heartbeat, after: Heartbeat, gapMs: number, intervalMs: number): number {
  if (before.phase === 'starting' || after.phase === 'starting') return 0
  const read = after.offset - before.offset
  const grown = Math.min(read, read + after.lag - before.lag)
  return Math.max(0, Math.ceil(grown * Math.min(1, intervalMs / gapMs)))
}
