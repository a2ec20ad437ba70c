/** How many heartbeats of each backend come in a second, from how many came with each frame. */
import type { Beats } from '../fold.ts'

/** The rate follows a change within about so long, milliseconds. */
const memoryMs = 3_000

export interface BeatTally {
  /** When the last frame was made, by the receiver's clock; null before the first. */
  readonly atMs: number | null
  /** Heartbeats a second, by the name of the backend. */
  readonly perSecond: ReadonlyMap<string, number>
}

export const noBeats: BeatTally = { atMs: null, perSecond: new Map() }

/**
 * The tally after one more frame: an average that forgets exponentially. A frame that is the first, or that comes as long after the last as
 * memory reaches, says nothing about a rate.
 * @param names all backends there are: those that are none of them are forgotten
 */
export function tallyBeats(tally: BeatTally, names: readonly string[], beats: Beats, atMs: number): BeatTally {
  const passedMs = tally.atMs === null ? Number.POSITIVE_INFINITY : atMs - tally.atMs
  if (passedMs <= 0) return tally
  const kept = passedMs > memoryMs ? 1 : Math.exp(-passedMs / memoryMs)
  const perSecond = names.map((name): [string, number] => {
    const nowPerSecond = (1_000 / passedMs) * (beats.get(name) ?? 0)
    const before = tally.perSecond.get(name) ?? (kept === 1 ? undefined : nowPerSecond)
    return [name, before === undefined ? 0 : before * kept + nowPerSecond * (1 - kept)]
  })
  return { atMs, perSecond: new Map(kept === 1 ? perSecond.filter(([name]) => tally.perSecond.has(name)) : perSecond) }
}

/** When each of `count` heartbeats came, spread over the frame that ended at `atMs` and lasted `frameMs`. */
export function beatTimes(count: number, atMs: number, frameMs: number): number[] {
  return Array.from({ length: count }, (_, index) => atMs - frameMs + ((index + 1) / count) * frameMs)
}
