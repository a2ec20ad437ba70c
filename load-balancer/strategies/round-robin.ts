/** One after the other, in the order of their names; weights do not count. Pure. */
import type { Choice, LiveMember, Strategy } from './strategy.ts'

export class RoundRobin implements Strategy {
  #members: readonly LiveMember[] = []
  #next = 0

  choose<M extends LiveMember>({ members, may }: Choice<M>): M | undefined {
    if (members !== this.#members) this.#follow(members)
    const { length } = members
    for (let step = 0, index = this.#next; step < length; step++, index++) {
      if (index >= length) index = 0
      const member = members[index]!
      if (!may(member)) continue
      this.#next = index + 1
      return member
    }
    return undefined
  }

  /** Goes on after the one that had the last turn, also if that one is gone. */
  #follow(members: readonly LiveMember[]): void {
    const last = this.#members[this.#next - 1]?.name
    this.#next =
      last === undefined
        ? 0
        : Math.max(
            0,
            members.findIndex(({ name }) => name > last),
          )
    this.#members = members
  }
}
