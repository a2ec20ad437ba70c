/**
 * Smooth weighted turns, as nginx takes them (commit 52327e0, 2012): each one that takes part is credited with its weight,
 * the one with the most credit has the turn and pays what all were credited with. Over as many turns as the weights sum up
 * to, each has exactly its weight of them, and they lie apart: weights 5, 1, 1 give a a b a c a a. Pure.
 */
import type { Shortlist } from './shortlist.ts'

interface Weighty {
  readonly name: string
  readonly weight: number
}

export class Turns {
  #members: readonly Weighty[] = []
  #credits = new Float64Array(0)

  /** The index of the member whose turn it is among those on the list; -1 if the list is empty. */
  take(members: readonly Weighty[], list: Shortlist): number {
    if (members !== this.#members) this.#follow(members)
    const credits = this.#credits
    let chosen = -1
    let most = Number.NEGATIVE_INFINITY
    let total = 0
    for (let at = 0; at < list.count; at++) {
      const index = list.indexes[at]!
      const { weight } = members[index]!
      const credit = credits[index]! + weight
      credits[index] = credit
      total += weight
      if (credit > most) {
        most = credit
        chosen = index
      }
    }
    if (chosen >= 0) credits[chosen] = most - total
    return chosen
  }

  /** Those who stay keep their credit, so that changes of membership do not start the turns afresh. */
  #follow(members: readonly Weighty[]): void {
    const known = new Map(this.#members.map(({ name }, index) => [name, this.#credits[index]!]))
    this.#credits = Float64Array.from(members, ({ name }) => known.get(name) ?? 0)
    this.#members = members
  }
}
