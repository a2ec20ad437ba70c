/**
 * Who leads next: of the backends that are alive and follow the journal, the one furthest in it, then the heaviest, then the most senior.
 * Pure. Whether anybody has to be named at all is `verdict.ts`'s question: an active that is well stays.
 */
import { compareReigns, type Reign } from '../checkpoint/record.ts'
import { hadSetback, type KnownBackend } from './known-backend.ts'

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
    furthest(
      preferring(candidates, [
        (backend) => !hadSetback(backend, rules.nowMs),
        (backend) => !isReported(backend, rules),
        (backend) => backend.status?.journalReachable === true,
      ]),
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

/** A backend that is still `starting` does not know the state yet: it is waited for, never named. */
function mayLead(backend: KnownBackend, highest: Reign, { nowMs, except }: ElectionRules): boolean {
  const { status, liveness, connection, hello, setbacks } = backend
  if (liveness.state !== 'alive' || !status || connection === null) return false
  if (hello.incarnation === except || nowMs < setbacks.untilMs) return false
  return status.phase === 'standby' || holdsReign(backend, highest)
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

/**
 * Offsets come in heartbeats of different moments: what the journal grows by between two heartbeats cannot be told apart, so whoever is
 * no further behind than that is level with the first.
 */
function furthest(candidates: KnownBackend[]): KnownBackend | undefined {
  const offsets = candidates.map((backend) => backend.status?.offset ?? 0)
  const growth = Math.max(0, ...candidates.map((backend) => backend.growth))
  const level = Math.max(0, ...offsets) - growth
  return candidates
    .filter((backend) => (backend.status?.offset ?? 0) >= level)
    .sort((a, b) => b.hello.weight - a.hello.weight || a.seniority - b.seniority)[0]
}
