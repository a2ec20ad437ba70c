/** Which backends there are: those that the receivers tell of, and those registered by hand. Pure. */
import type { Phase } from '../heartbeat-receiver/protocol.ts'

/** A backend that requests may be sent to. */
export interface Member {
  readonly name: string
  /** Null if it was registered by hand: nobody hears its heartbeats. */
  readonly incarnation: string | null
  /** Base URL. */
  readonly url: string
  /** Its share beside the others', for the strategies that weigh. */
  readonly weight: number
  readonly exactlyOnce: boolean
  /** What it does for its shard; null as for `incarnation`. */
  readonly phase: Phase | null
  /** How many records of its journal it has not read yet. */
  readonly lag: number
}

/** What the receivers tell of a living backend. */
export type HeardMember = Member & { readonly incarnation: string; readonly phase: Phase }

/** A backend that sends no heartbeats. */
export interface Registration {
  readonly name: string
  readonly url: string
  readonly weight?: number
}

/** The members. What the receivers tell of a name beats what was registered under it. */
export class Membership {
  #heard: readonly Member[] = []
  readonly #registered = new Map<string, Member>()
  /** Taken out by hand: the incarnation that was there then, which is not to come back by itself. */
  readonly #removed = new Map<string, string | null>()
  readonly #listeners: (() => void)[] = []
  #members: readonly Member[] = []

  /** In the order of their names. A new array whenever it changes. */
  get members(): readonly Member[] {
    return this.#members
  }

  has(name: string): boolean {
    return this.#members.some((member) => member.name === name)
  }

  /** Calls `listener` after each change. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** The whole list as the receivers tell it. */
  heard(members: readonly Member[]): void {
    this.#heard = members
    for (const { name, incarnation } of members) {
      if (this.#removed.get(name) !== incarnation) this.#removed.delete(name)
    }
    this.#changed()
  }

  /** Adds a backend by hand, or puts back one that was removed. */
  register({ name, url, weight = 1 }: Registration): void {
    const member = { name, incarnation: null, url, weight, exactlyOnce: false, phase: null, lag: 0 }
    this.#registered.set(name, member)
    this.#removed.delete(name)
    this.#changed()
  }

  /** Has a backend be no member any more; one that sends heartbeats comes back as a new incarnation only. False if it was not there. */
  remove(name: string): boolean {
    const known = this.has(name)
    this.#registered.delete(name)
    const heard = this.#heard.find((member) => member.name === name)
    if (heard) this.#removed.set(name, heard.incarnation)
    if (known) this.#changed()
    return known
  }

  /** Names that the receivers tell of and that were taken out by hand. */
  get removed(): readonly string[] {
    return this.#heard.flatMap(({ name, incarnation }) => (this.#removed.get(name) === incarnation ? [name] : []))
  }

  /** Puts back one of {@link removed}. False if it is none. */
  restore(name: string): boolean {
    const known = this.removed.includes(name)
    if (!known) return false
    this.#removed.delete(name)
    this.#changed()
    return true
  }

  #changed(): void {
    const members = new Map(this.#registered)
    for (const member of this.#heard) {
      if (this.#removed.get(member.name) !== member.incarnation) members.set(member.name, member)
    }
    this.#members = [...members.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const listener of this.#listeners) listener()
  }
}
