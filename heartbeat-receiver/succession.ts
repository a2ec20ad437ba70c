/** Who comes after an active that does not stay: election under the conditions of why it does not. Pure. */
import { type ElectionRules, elect, highestReign, holdsReign, isReported } from './election.ts'
import { isDraining, type KnownBackend } from './known-backend.ts'
import type { Verdict } from './verdict.ts'

/** The backend to name next, or undefined if there is none, or none better. `named` is who was named, if that incarnation is still known. */
export function chooseNext(
  verdict: Verdict & { stays: false },
  backends: readonly KnownBackend[],
  named: KnownBackend | undefined,
  rules: ElectionRules,
): KnownBackend | undefined {
  if (verdict.kind === 'outnumbered') return keeper(backends, named) ?? elect(backends, rules)
  if (verdict.kind === 'renewed') return named
  if (verdict.kind === 'worse' && named) return better(backends, named, rules)
  return elect(backends, rules)
}

/** A new number is no reason for another backend: whoever serves, or was named and is well, is named again. */
function keeper(backends: readonly KnownBackend[], named: KnownBackend | undefined): KnownBackend | undefined {
  const highest = highestReign(backends)
  const holder = backends.find((backend) => holdsReign(backend, highest))
  if (holder) return holder
  const isWell = named?.liveness.state === 'alive' && named.status?.phase === 'standby' && !isDraining(named)
  return isWell ? named : undefined
}

function better(
  backends: readonly KnownBackend[],
  named: KnownBackend,
  rules: ElectionRules,
): KnownBackend | undefined {
  const other = elect(backends, { ...rules, except: named.hello.incarnation })
  if (!other?.status?.journalReachable || isReported(other, rules)) return undefined
  return other.status.offset >= (named.status?.offset ?? 0) ? other : undefined
}
