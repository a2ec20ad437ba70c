/** Members, choices and chance for the tests of the strategies. */
import { mixBits } from './hash.ts'
import { PeakEwma } from './peak-ewma.ts'
import type { Choice, LiveMember } from './strategy.ts'

export interface TestMember extends LiveMember {
  inFlight: number
}

export function member(name: string, weight = 1, inFlight = 0): TestMember {
  return { name, weight, inFlight, latency: new PeakEwma() }
}

/** Members `a00`, `a01`, … with these weights. */
export function membersOf(weights: readonly number[]): TestMember[] {
  return weights.map((weight, index) => member(`a${String(index).padStart(2, '0')}`, weight))
}

/** So many members of weight 1. */
export function alike(count: number): TestMember[] {
  return membersOf(Array.from({ length: count }, () => 1))
}

/** Numbers from 0 to below 1 that are the same in every run. */
export function seeded(seed: number): () => number {
  let drawn = 0
  return () => mixBits(Math.imul(seed, 0x9e3779b1) + drawn++) / 2 ** 32
}

export function choiceOf<M extends LiveMember>(members: readonly M[], changes: Partial<Choice<M>> = {}): Choice<M> {
  return { members, may: () => true, key: null, nowMs: 0, random: seeded(1), ...changes }
}

/** How often each name is there. */
export function tally(names: readonly (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name ?? 'none'] = (counts[name ?? 'none'] ?? 0) + 1
  return counts
}
