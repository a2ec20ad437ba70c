/**
 * Who leads next: of the backends that are alive and follow the journal one that is abreast of it, then the heaviest, then the most senior.
 * If all are behind, the one furthest in it. Pure. Whether anybody has to be named at all is `verdict.ts`'s question: an active that is
 * well stays.
 */
import { compareReigns, type Reign } from '../checkpoint/record.ts'
import { type JournalExtent, journalExtent, recordsBehind } from './journal-extent.ts'
import { hadSetback, isDraining, type KnownBackend } from './known-backend.ts'

export interface ElectionRules {
  nowMs: number
  /** A balancer's report counts for so long, milliseconds. */
  reportMemoryMs: number
  /** An incarnation that must not be named. */
  except?: string
}

/** The backend to name, or undefined if none can lead now. */
export function elect(backends: Iterable<KnownBackend>, rules: ElectionRules): KnownBackend | undefined {
  const all = [...backends]
  const highest = highestReign(all)
  const candidates = all.filter((backend) => mayLead(backend, highest, rules))
  return (
    candidates.find((backend) => holdsReign(backend, highest)) ??
    foremost(
      preferring(candidates, [
        (backend) => !isReported(backend, rules),
        (backend) => backend.status?.journalReachable === true,
      ]),
      journalExtent(all),
      rules.nowMs,
    )
  )
}

/** The highest reign that any living backend's journal shows. */
export function highestReign(backends: Iterable<KnownBackend>): Reign {
  let highest: Reign = [0, 0]
  for (const { status, liveness } of backends) {
    if (!status || liveness.state !== 'alive') continue
    if (compareReigns(status.journalReign, highest) > 0) highest = status.journalReign
  }
  return highest
}

/** True if this backend serves under the reign that the journal shows: then naming it anew changes nothing for clients. */
export function holdsReign({ status, liveness }: KnownBackend, highest: Reign): boolean {
  return (
    liveness.state === 'alive' &&
    status !== null &&
    (status.phase === 'active' || status.phase === 'settling') &&
    compareReigns(status.reign, highest) >= 0
  )
}

/** True if a balancer said of late that it cannot reach this backend. */
export function isReported(backend: KnownBackend, { nowMs, reportMemoryMs }: ElectionRules): boolean {
  return backend.reported !== null && nowMs - backend.reported.lastMs <= reportMemoryMs
}

/**
 * A backend that is still `starting` does not know the state yet: it is waited for, never named. One that is behind may be: its claim ends
 * the reign before at once, it reads on to that claim, and serves no earlier.
 */
function mayLead(backend: KnownBackend, highest: Reign, { nowMs, except }: ElectionRules): boolean {
  const { status, liveness, connection, hello, setbacks } = backend
  if (liveness.state !== 'alive' || !status || connection === null) return false
  if (hello.incarnation === except || nowMs < setbacks.untilMs) return false
  if (holdsReign(backend, highest)) return true // also one that drains: it hands over in good order
  return status.phase === 'standby' && !isDraining(backend)
}

/** Narrows by each wish in turn, unless nobody would be left. */
function preferring(candidates: KnownBackend[], wishes: ((backend: KnownBackend) => boolean)[]): KnownBackend[] {
  let left = candidates
  for (const wish of wishes) {
    const wished = left.filter(wish)
    if (wished.length > 0) left = wished
  }
  return left
}

/** The first in order: whoever is abreast; of those behind the furthest; then who did not fail of late, the heaviest, the most senior. */
function foremost(candidates: KnownBackend[], extent: JournalExtent, nowMs: number): KnownBackend | undefined {
  const behind = (backend: KnownBackend) => recordsBehind(backend.status, extent)
  const setback = (backend: KnownBackend) => Number(hadSetback(backend, nowMs))
  const order = (a: KnownBackend, b: KnownBackend) =>
    behind(a) - behind(b) || setback(a) - setback(b) || b.hello.weight - a.hello.weight || a.seniority - b.seniority
  let first = candidates[0]
  for (const candidate of candidates) if (first && order(candidate, first) < 0) first = candidate
  return first
}
