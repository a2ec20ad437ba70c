/**
 * The ring of consistent hashing (Karger et al., "Consistent hashing and random trees", STOC 1997): every member stands at many points
 * of it (virtual nodes), a key belongs to the first point at or after its own place. Places are rounded down to slots, so that
 * looking one up takes one step. Where a member stands follows from its name alone: when one leaves, only its keys move. Pure.
 */
import { hashText, mixBits } from './hash.ts'

export interface RingMember {
  readonly name: string
  readonly weight: number
}

export interface RingSize {
  /** Places on the ring: keys of one slot stay together. */
  slots: number
  /** Points of a member of the least weight. */
  virtualNodes: number
}

/** A member stands at no more than so many times `virtualNodes` points, however much more than the others it weighs. */
const pointsRatioMax = 64
const secondSeed = 0x5bd1e995

export class HashRing {
  /** Whose point it is, as an index of the members, in the order of the ring. */
  readonly owners: Uint32Array
  /** For each slot the first point at or after its beginning; the number of points if there is none. */
  readonly #first: Uint32Array
  readonly #members: readonly RingMember[]
  readonly #size: RingSize

  constructor(members: readonly RingMember[], size: RingSize) {
    this.#members = members
    this.#size = size
    const points = sortedPoints(members, size.virtualNodes)
    this.owners = Uint32Array.from(points, (point) => point % ownersMax)
    this.#first = new Uint32Array(size.slots)
    let at = 0
    for (let slot = 0; slot < size.slots; slot++) {
      while (at < points.length && slotOf(Math.floor(points[at]! / ownersMax), size.slots) < slot) at++
      this.#first[slot] = at
    }
  }

  /** Where in `owners` to begin for a key with this hash; go on from there, and from the end to the beginning. */
  start(hash: number): number {
    const at = this.#first[slotOf(hash, this.#size.slots)]!
    return at < this.owners.length ? at : 0
  }

  /** True if this ring is right for `members` too. */
  fits(members: readonly RingMember[]): boolean {
    const known = this.#members
    if (members.length !== known.length) return false
    return members.every(({ name, weight }, index) => name === known[index]!.name && weight === known[index]!.weight)
  }
}

function slotOf(hash: number, slots: number): number {
  return Math.floor((hash / 2 ** 32) * slots)
}

/** Point and owner are sorted as one number: point × ownersMax + owner, below 2^53. */
const ownersMax = 2 ** 20

function sortedPoints(members: readonly RingMember[], virtualNodes: number): Float64Array {
  const unit = unitOfWeight(members)
  const counts = members.map(({ weight }) =>
    Math.max(1, Math.round(virtualNodes * Math.min(weight / unit, pointsRatioMax))),
  )
  const points = new Float64Array(counts.reduce((sum, count) => sum + count, 0))
  let at = 0
  for (const [owner, { name }] of members.entries()) {
    const base = hashText(name)
    // Odd, so that a member's own points all differ.
    const stride = hashText(name, secondSeed) | 1
    for (let node = 0; node < counts[owner]!; node++) {
      points[at++] = mixBits(base + Math.imul(node, stride)) * ownersMax + owner
    }
  }
  return points.sort()
}

/**
 * The weight that gets `virtualNodes` points: the power of two at or below the least weight. It is the same for most changes of
 * membership, and only then do the points of the others stay where they are.
 */
function unitOfWeight(members: readonly RingMember[]): number {
  const least = members.reduce((lowest, { weight }) => Math.min(lowest, weight), Number.POSITIVE_INFINITY)
  return 2 ** Math.floor(Math.log2(least))
}
