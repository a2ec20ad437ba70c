/** Random sources of a world: one seed, and of it a stream for each part, so that leaving one fault out changes no other draw. */
import { type Random, randomBelow, seededRandom } from '../../compose/load/random.ts'

export { type Random, randomBelow }

/** A source of its own for each name, all from one seed. */
export function streamOf(seed: number, name: string): Random {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  const random = seededRandom(hash)
  random() // neighbouring seeds begin alike
  return random
}

/** A number from `low` to below `high`. */
export function between(random: Random, low: number, high: number): number {
  return low + random() * (high - low)
}

/** True with the given probability. */
export function chance(random: Random, probability: number): boolean {
  return random() < probability
}

/** One of a list that is not empty. */
export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[randomBelow(random, items.length)]!
}
