/**
 * The same key to the same member, and as few keys as possible to another when members come and go. With bounded loads (Mirrokni,
 * Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018): a member that has its share of what is in flight, times
 * the bound, is passed over to the next on the ring, so that a popular key cannot overrun its member. Pure.
 */
import { hashText } from './hash.ts'
import { HashRing, type RingSize } from './hash-ring.ts'
import type { Choice, LiveMember, Strategy } from './strategy.ts'

export interface ConsistentHashSettings extends RingSize {
  /** A member's load at most, as a multiple of the mean, at least 1; 0 for no bound. */
  bound: number
}

export class ConsistentHash implements Strategy {
  readonly #settings: ConsistentHashSettings
  #members: readonly LiveMember[] | undefined
  #ring: HashRing | undefined
  /** For each member the choice in which it was passed over last. */
  #passed = new Uint32Array(0)
  #choices = 0

  constructor(settings: ConsistentHashSettings) {
    this.#settings = settings
  }

  choose<M extends LiveMember>(choice: Choice<M>): M | undefined {
    const { members, may, key, random } = choice
    if (members.length === 0) return undefined
    const ring = members === this.#members ? this.#ring! : this.#follow(members)
    const { owners } = ring
    let at = ring.start(key === null ? random() * 2 ** 32 : hashText(key))
    const { bound } = this.#settings
    const number = this.#number()
    let meanPerWeight = -1
    for (let left = members.length; left > 0; at++) {
      if (at === owners.length) at = 0
      const owner = owners[at]!
      if (this.#passed[owner] === number) continue
      this.#passed[owner] = number
      left -= 1
      const member = members[owner]!
      if (!may(member)) continue
      if (bound === 0 || member.inFlight === 0) return member
      if (meanPerWeight < 0) meanPerWeight = meanLoadPerWeight(choice)
      if (member.inFlight < loadMax(meanPerWeight * member.weight, bound)) return member
    }
    return undefined
  }

  /** The ring is made anew only when names or weights have changed. */
  #follow(members: readonly LiveMember[]): HashRing {
    this.#members = members
    if (!this.#ring?.fits(members)) {
      this.#ring = new HashRing(members, this.#settings)
      this.#passed = new Uint32Array(members.length)
      this.#choices = 0
    }
    return this.#ring
  }

  /** A number that no choice had before, as far as `#passed` knows. */
  #number(): number {
    if (this.#choices === 2 ** 32 - 1) {
      this.#passed.fill(0)
      this.#choices = 0
    }
    this.#choices += 1
    return this.#choices
  }
}

/**
 * The requests in flight, with this one, for each unit of weight. Only those that may count: what the others cannot take is
 * shared among these.
 */
function meanLoadPerWeight<M extends LiveMember>({ members, may }: Choice<M>): number {
  let inFlight = 1
  let weight = 0
  for (let index = 0; index < members.length; index++) {
    const member = members[index]!
    if (!may(member)) continue
    inFlight += member.inFlight
    weight += member.weight
  }
  return inFlight / weight
}

/**
 * Whole requests that a member with this mean may have. The paper rounds up; that exceeds the bound, so it is done only where
 * the bound leaves less than one request of room. Either way it is the mean at least, so that never all members are full.
 */
function loadMax(mean: number, bound: number): number {
  return (bound - 1) * mean < 1 ? Math.ceil(bound * mean) : Math.floor(bound * mean)
}
