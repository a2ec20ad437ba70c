/** Chance as a process sees it, where none is handed in: nobody outside can foretell it, for strangers choose the keys that are hashed. */
import { getRandomValues, randomUUID } from 'node:crypto'

/** What a checkpoint draws from. */
export interface Chance {
  /** From 0 to 1, 1 not included. */
  readonly random: () => number
  /** A name that no other has. */
  readonly newId: () => string
}

/** From 0 to 1, 1 not included. */
export function realRandom(): number {
  return getRandomValues(new Uint32Array(1))[0]! / 2 ** 32
}

/** A name that no other has. */
export const realNewId = (): string => randomUUID()
