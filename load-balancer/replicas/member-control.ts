/** Who is there, and the changes that people make to it: what is spawned, registered, taken out and put back. */
import type { Logger } from 'pino'
import type { Membership } from '../membership.ts'
import { additionsOf, type Decided, type Present, removalsOf } from './member-changes.ts'
import type { ReplicaSet } from './replica-set.ts'

export class MemberControl {
  readonly #membership: Membership
  readonly #replicas: ReplicaSet | undefined
  readonly #log: Logger

  /** Without `replicas` nothing is spawned. */
  constructor(membership: Membership, replicas: ReplicaSet | undefined, log: Logger) {
    this.#membership = membership
    this.#replicas = replicas
    this.#log = log
  }

  /** All of them, also those that are about to be there: members, or spawned and kept alive. */
  get names(): readonly string[] {
    const names = new Set([...this.#membership.members.map(({ name }) => name), ...(this.#replicas?.names ?? [])])
    return [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  }

  /** Adds what the body of `POST /add` asks for; nothing if anything of it is wrong. */
  add(body: unknown): Decided<readonly string[]> {
    const decided = additionsOf(body, this.#present())
    if (!decided.ok) return decided
    const { spawn, register, restore } = decided.change
    this.#replicas?.add(spawn)
    for (const registration of register) this.#membership.register(registration)
    for (const name of restore) this.#membership.restore(name)
    const added = [...spawn, ...register.map(({ name }) => name), ...restore]
    this.#log.info({ event: 'added', backends: added, reason: 'asked for' }, `added by hand: ${added.join(', ')}`)
    return { ok: true, change: added }
  }

  /** Removes what the body of `DELETE /rm` asks for; nothing if anything of it is wrong. */
  remove(body: unknown): Decided<readonly string[]> {
    const decided = removalsOf(body, this.#present())
    if (!decided.ok) return decided
    this.#replicas?.remove(decided.change)
    for (const name of decided.change) this.#membership.remove(name)
    const removed = decided.change.join(', ')
    this.#log.info({ event: 'removed', backends: decided.change, reason: 'asked for' }, `removed by hand: ${removed}`)
    return decided
  }

  #present(): Present {
    return {
      names: this.names,
      spawned: this.#replicas?.names ?? [],
      removed: this.#membership.removed,
      spawns: this.#replicas !== undefined,
    }
  }
}
