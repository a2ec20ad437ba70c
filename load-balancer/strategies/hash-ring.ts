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

/** Points of all members together at most, and at most so many times what they had with like weights, unless that is few. */
const pointsMax = 2 ** 21
const pointsRatioMax = 4
const pointsFew = 2 ** 16
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
    const { places, owners } = sortByPlace(pointsOf(members, size.virtualNodes))
    this.owners = owners
    this.#first = new Uint32Array(size.slots)
    let at = 0
    for (let slot = 0; slot < size.slots; slot++) {
      while (at < places.length && slotOf(places[at]!, size.slots) < slot) at++
      this.#first[slot] = at
    }
  }

  /** Where in `owners` to begin for a key with this hash, if need be at its end; go on from there, and from the end to the beginning. */
  start(hash: number): number {
    return this.#first[slotOf(hash, this.#size.slots)]!
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

/** The points of the ring: where each is, in 32 bits, and whose, as an index of the members. */
interface Points {
  places: Uint32Array
  owners: Uint32Array
}

function pointsOf(members: readonly RingMember[], virtualNodes: number): Points {
  const counts = pointCounts(members, virtualNodes)
  const total = sum(counts)
  const places = new Uint32Array(total)
  const owners = new Uint32Array(total)
  let at = 0
  for (const [owner, { name }] of members.entries()) {
    const base = hashText(name)
    // Odd, so that a member's own points all differ.
    const stride = hashText(name, secondSeed) | 1
    for (let node = 0; node < counts[owner]!; node++, at++) {
      places[at] = mixBits(base + Math.imul(node, stride))
      owners[at] = owner
    }
  }
  return { places, owners }
}

const digitBits = 11
const digits = 2 ** digitBits

/**
 * A radix sort: fifty members have 25,000 points, and requests wait while the ring is made. Equal places stay in the order of
 * the members.
 */
function sortByPlace(points: Points): Points {
  let from = points
  let to: Points = { places: new Uint32Array(points.places.length), owners: new Uint32Array(points.places.length) }
  for (let shift = 0; shift < 32; shift += digitBits) {
    const ends = new Uint32Array(digits + 1)
    for (const place of from.places) ends[((place >>> shift) & (digits - 1)) + 1]! += 1
    for (let digit = 0; digit < digits; digit++) ends[digit + 1]! += ends[digit]!
    for (let at = 0; at < from.places.length; at++) {
      const place = from.places[at]!
      const target = ends[(place >>> shift) & (digits - 1)]!++
      to.places[target] = place
      to.owners[target] = from.owners[at]!
    }
    const sorted = to
    to = from
    from = sorted
  }
  return from
}

/**
 * How many points each member has, by weight: `virtualNodes` for a weight that is the power of two at or below the least weight,
 * or as many doublings above it as keep the total in bounds. It is the same weight before and after most changes of membership,
 * and only then do the points of those who stay remain where they are.
 */
function pointCounts(members: readonly RingMember[], virtualNodes: number): number[] {
  const least = members.reduce((lowest, { weight }) => Math.min(lowest, weight), Number.POSITIVE_INFINITY)
  const generous = Math.max(pointsFew, pointsRatioMax * members.length * virtualNodes)
  const most = Math.max(members.length, Math.min(pointsMax, generous))
  let unit = 2 ** Math.floor(Math.log2(least))
  for (;;) {
    const counts = members.map(({ weight }) => Math.max(1, Math.round((virtualNodes * weight) / unit)))
    if (sum(counts) <= most) return counts
    unit *= 2
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
