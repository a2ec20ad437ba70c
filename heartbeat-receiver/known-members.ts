/** Who the members are, as far as a follower was told by its receivers. Pure. */
import { isSame } from './member-list.ts'
import { type Member, membersMax, type ToFollower } from './protocol.ts'

type MembersMessage = Extract<ToFollower, { type: 'members' | 'members-changed' }>
type Members = Map<string, Member>

/** What one receiver has told. */
interface Told {
  members: Members
  /** A whole list under way. */
  draft: Members | null
  /** False if it was lost: what it told stays until a receiver that is heard has told the whole list. */
  heard: boolean
  /** True once it has told the whole list, since it was lost last. */
  whole: boolean
}

/**
 * A backend is a member if any receiver says so: one that a receiver cannot hear may well be there for others. With no receiver left, what
 * was known stays: losing the control plane costs no request.
 */
export class KnownMembers {
  /** By receiver, in the order in which they were heard first; the first that knows a name is believed. */
  readonly #told = new Map<string, Told>()
  #members: readonly Member[] = []

  /** A new array if anything changed, else the same. */
  get members(): readonly Member[] {
    return this.#members
  }

  /** Takes what a receiver told. True if the members have changed. */
  take(receiver: string, message: MembersMessage): boolean {
    const told = this.#toldBy(receiver)
    told.heard = true
    if (message.type === 'members-changed') {
      for (const members of [told.members, told.draft]) if (members) change(members, message)
      return this.#merge()
    }
    if (message.first) told.draft = new Map()
    if (!told.draft) return false // the beginning of this list was not heard
    change(told.draft, { members: message.members, left: [] })
    if (!message.last) return false
    told.members = told.draft
    told.draft = null
    told.whole = true
    this.#forgetLost()
    return this.#merge()
  }

  /** The connection to a receiver was lost. True if the members have changed. */
  lost(receiver: string): boolean {
    const told = this.#told.get(receiver)
    if (!told) return false
    told.heard = false
    told.whole = false
    told.draft = null
    if (![...this.#told.values()].some(({ whole }) => whole)) return false
    this.#forgetLost()
    return this.#merge()
  }

  #forgetLost(): void {
    for (const [receiver, { heard }] of this.#told) if (!heard) this.#told.delete(receiver)
  }

  #toldBy(receiver: string): Told {
    const known = this.#told.get(receiver)
    if (known) return known
    const told: Told = { members: new Map(), draft: null, heard: true, whole: false }
    this.#told.set(receiver, told)
    return told
  }

  #merge(): boolean {
    const merged: Members = new Map()
    for (const { members } of this.#told.values())
      for (const [name, member] of members) if (merged.size < membersMax && !merged.has(name)) merged.set(name, member)
    if (merged.size === this.#members.length && this.#members.every((member) => isKept(member, merged))) return false
    this.#members = [...merged.values()]
    return true
  }
}

function isKept(member: Member, merged: Members): boolean {
  const now = merged.get(member.name)
  return now !== undefined && isSame(member, now)
}

function change(members: Members, { members: changed, left }: { members: readonly Member[]; left: readonly string[] }) {
  for (const name of left) members.delete(name)
  for (const member of changed)
    if (members.has(member.name) || members.size < membersMax) members.set(member.name, member)
}
