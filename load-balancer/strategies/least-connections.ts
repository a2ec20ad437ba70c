/**
 * The member with the fewest requests in flight for its weight. Ties, which are most of what there is at low load, are
 * settled in smooth weighted turns: chance would leave some idle while others get two. Pure.
 */
import { Shortlist } from './shortlist.ts'
import type { Choice, LiveMember, Strategy } from './strategy.ts'
import { Turns } from './turns.ts'

export class LeastConnections implements Strategy {
  readonly #turns = new Turns()
  readonly #list = new Shortlist()

  choose<M extends LiveMember>({ members, may }: Choice<M>): M | undefined {
    const list = this.#list
    list.reset(members.length)
    let least = Number.POSITIVE_INFINITY
    for (let index = 0; index < members.length; index++) {
      const member = members[index]!
      const load = member.inFlight / member.weight
      if (load > least || !may(member)) continue
      if (load < least) list.count = 0
      least = load
      list.add(index)
    }
    return members[this.#turns.take(members, list)]
  }
}
