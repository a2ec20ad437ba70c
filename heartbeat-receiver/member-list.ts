/** Who the members are, as the followers were told, and what they have yet to be told. Pure; part of the receiver's core. */
import type { MemberChanges } from './events.ts'
import { isDraining, type KnownBackend } from './known-backend.ts'
import type { Member } from './protocol.ts'

/** A change of the lag alone is told this seldom, milliseconds: with thousands of backends it is all that would be said. */
export const lagIntervalMs = 1_000
/** So long a new receiver's list may lack backends that are alive, milliseconds: a backend's client tries every second at least. */
export const gatheringMs = 2_000

/** The backend as a member, or null if no request should be sent to it. */
export function memberOf(backend: KnownBackend): Member | null {
  const { hello, status, liveness } = backend
  if (liveness.state !== 'alive' || !status || isDraining(backend)) return null
  if (status.phase === 'starting' || status.phase === 'stopping') return null
  const { name, incarnation, url, weight, exactlyOnce } = hello
  return { name, incarnation, url, weight, exactlyOnce, phase: status.phase, lag: status.lag }
}

/** Whoever is no member any more is told at once; whoever joins or changes, at the next tick with all others that do. */
export class MemberList {
  readonly #told = new Map<string, Member>()
  readonly #touched = new Set<string>()
  readonly #changed = new Map<string, Member>()
  readonly #lagging = new Map<string, Member>()
  #lagToldAtMs = Number.NEGATIVE_INFINITY
  #startedAtMs: number | null = null
  #whole = false

  /** The members as the followers know them. A live view. */
  get told(): Iterable<Member> {
    return this.#told.values()
  }

  /** True once every backend that is alive had the time to join. */
  get whole(): boolean {
    return this.#whole
  }

  /** Something about the backend of this name may have changed. */
  touch(name: string): void {
    this.#touched.add(name)
  }

  /** Looks at those touched; returns who must be told of at once. */
  review(find: (name: string) => KnownBackend | undefined): MemberChanges | null {
    const left: string[] = []
    for (const name of this.#touched) {
      const backend = find(name)
      const member = backend ? memberOf(backend) : null
      this.#changed.delete(name)
      this.#lagging.delete(name)
      if (member) this.#note(member)
      else if (this.#told.delete(name)) left.push(name)
    }
    this.#touched.clear()
    return left.length > 0 ? { members: [], left } : null
  }

  /** Time passes; returns who is to be told of now. */
  tick(nowMs: number): MemberChanges | null {
    if (nowMs - this.#lagToldAtMs >= lagIntervalMs && this.#lagging.size > 0) {
      this.#lagToldAtMs = nowMs
      for (const [name, member] of this.#lagging) this.#changed.set(name, member)
      this.#lagging.clear()
    }
    if (this.#changed.size === 0) return null
    const members = [...this.#changed.values()]
    this.#changed.clear()
    for (const member of members) this.#told.set(member.name, member)
    return { members, left: [] }
  }

  /** True once: when the list has become whole. */
  becomesWhole(nowMs: number): boolean {
    this.#startedAtMs ??= nowMs
    if (this.#whole || nowMs - this.#startedAtMs < gatheringMs) return false
    this.#whole = true
    return true
  }

  #note(member: Member): void {
    const told = this.#told.get(member.name)
    if (!told || !isSame({ ...told, lag: member.lag }, member)) this.#changed.set(member.name, member)
    else if (told.lag !== member.lag) this.#lagging.set(member.name, member)
  }
}

/** True if nothing about it has changed. */
export function isSame(one: Member, other: Member): boolean {
  return (
    one.name === other.name &&
    one.incarnation === other.incarnation &&
    one.url === other.url &&
    one.weight === other.weight &&
    one.exactlyOnce === other.exactlyOnce &&
    one.phase === other.phase &&
    one.lag === other.lag
  )
}
