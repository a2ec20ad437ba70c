/** A judged record as `heartline journal` prints it: one line of JSON. Pure. */
import type { Inspected } from '../../checkpoint/inspection.ts'
import { describeEntry, type Entry, type Json } from '../../checkpoint/record.ts'

/** Latest moment that a date can be, Unix milliseconds. */
const dateMaxMs = 8.64e15

/** The line, without its end. What is not known or does not apply is left out. */
export function journalLine(record: Inspected): string {
  const { offset, sizeBytes, appendedAtMs, entry, node, verdict, why } = record
  const judged = { offset, verdict, ...(why === null ? {} : { why }) }
  if (!entry) return JSON.stringify({ ...judged, ...appended(appendedAtMs), sizeBytes })
  const { type, reign, incarnation, at, digest } = entry
  const written = { type, reign, ...(node === null ? {} : { node }), incarnation, at }
  const times = { journalTime: describeJournalTime(at), ...appended(appendedAtMs) }
  return JSON.stringify({ ...judged, ...written, ...times, sizeBytes, ...particulars(entry), digest })
}

/** By the broker's clock. */
function appended(atMs: number | null): { appendedAt?: string } {
  return atMs !== null && atMs > 0 && atMs <= dateMaxMs ? { appendedAt: new Date(atMs).toISOString() } : {}
}

/**
 * Journal time counts from the first claim, while somebody leads: it tells how long after another a record was written, not when. Such as
 * `2d 03:04:05.678`.
 */
function describeJournalTime(at: number): string {
  const seconds = at / 1_000
  const days = Math.floor(seconds / 86_400)
  const clock = [Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60].map((part) =>
    String(part).padStart(2, '0'),
  )
  return `${days}d ${clock.join(':')}:${(seconds % 60).toFixed(3).padStart(6, '0')}`
}

function particulars(entry: Entry): object {
  if (entry.type === 'claim') return { url: entry.url, through: entry.through }
  try {
    const { transactions } = describeEntry(entry) as { transactions: readonly { readonly [name: string]: Json }[] }
    return { transactions: transactions.map(numbered) }
  } catch (error) {
    // The fold does not look into values, so this changes no verdict.
    return { unreadable: `a value in it is not JSON text: ${error instanceof Error ? error.message : error}` }
  }
}

/** A balancer's number in words. */
function numbered({ request, ...rest }: { readonly [name: string]: Json }): object {
  if (!Array.isArray(request)) return rest
  const [session, number, lowestWaiting] = request
  return { session, number, lowestWaiting, ...rest }
}
