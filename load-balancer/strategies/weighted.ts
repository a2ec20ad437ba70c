/** In turns, each member as often as its weight says, evenly spread. Pure. */
import { Shortlist } from './shortlist.ts'
import type { Choice, LiveMember, Strategy } from './strategy.ts'
import { Turns } from './turns.ts'

export class Weighted implements Strategy {
  readonly #turns = new Turns()
  readonly #list = new Shortlist()

  choose<M extends LiveMember>({ members, may }: Choice<M>): M | undefined {
    const list = this.#list
    list.reset(members.length)
    for (let index = 0; index < members.length; index++) if (may(members[index]!)) list.add(index)
    return members[this.#turns.take(members, list)]
  }
}
