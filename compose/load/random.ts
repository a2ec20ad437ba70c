/** A seeded source of randomness (mulberry32): the same seed, the same numbers, so that a run can be repeated. */
export type Random = () => number

/** Numbers from 0 to below 1. Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** An integer from 0 to below `bound`. */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor(random() * bound)
}
