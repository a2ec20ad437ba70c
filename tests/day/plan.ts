/** A varied day, compressed: how the rate of requests rises and falls, and what happens to the servers meanwhile. Pure, from a seed. */
import { type Random, randomBelow } from '../../compose/load/random.ts'

/** A part of the day, up to `until` (its share of the day, 0 to 1). `rate` is reached at its end, as a share of the highest. */
export interface Phase {
  readonly name: string
  readonly until: number
  readonly rate: number
  /** Share of requests that write. */
  readonly writes: number
}

const rateAtMidnight = 0.2

export const phases: readonly Phase[] = [
  { name: 'night', until: 0.15, rate: 0.15, writes: 0.7 },
  { name: 'morning', until: 0.35, rate: 0.8, writes: 0.4 },
  { name: 'noon', until: 0.5, rate: 1, writes: 0.3 },
  { name: 'afternoon', until: 0.65, rate: 0.5, writes: 0.5 },
  { name: 'evening', until: 0.85, rate: 0.9, writes: 0.3 },
  { name: 'late', until: 1, rate: 0.2, writes: 0.6 },
]

/** The part of the day at `share` of it. */
export function phaseAt(share: number): Phase {
  return phases.find(({ until }) => share < until) ?? phases.at(-1)!
}

/** The rate at `share` of the day, as a share of the highest: straight lines between the ends of the phases. */
export function rateAt(share: number): number {
  let from = { until: 0, rate: rateAtMidnight }
  for (const phase of phases) {
    if (share < phase.until)
      return from.rate + ((phase.rate - from.rate) * (share - from.until)) / (phase.until - from.until)
    from = phase
  }
  return from.rate
}

/** Something that happens, and how long it lasts before it is made good. */
export interface Happening<Kind extends string> {
  readonly kind: Kind
  readonly atMs: number
  readonly lastsMs: number
}

export interface DayOptions<Kind extends string> {
  readonly durationMs: number
  /** What can happen: all of it does before any of it happens again. */
  readonly kinds: readonly Kind[]
  /** From the beginning of one happening to the next, in the mean, milliseconds. */
  readonly apartMs: number
  readonly lastsMs: { readonly min: number; readonly max: number }
}

/** Before the first and after the last happening the day is quiet for this share of it. */
const quiet = { before: 0.05, after: 0.1 }

/** What happens on a day, in order. At least each kind once, however short the day. */
export function planDay<Kind extends string>(options: DayOptions<Kind>, random: Random): Happening<Kind>[] {
  const { durationMs, kinds, apartMs, lastsMs } = options
  const busyMs = durationMs * (1 - quiet.before - quiet.after)
  const count = Math.max(kinds.length, Math.floor(busyMs / apartMs))
  const spacingMs = busyMs / count
  let round: Kind[] = []
  return Array.from({ length: count }, (_, index) => {
    if (round.length === 0) round = shuffled(kinds, random)
    return {
      kind: round.pop()!,
      atMs: durationMs * quiet.before + spacingMs * (index + random() / 2),
      lastsMs: lastsMs.min + random() * (lastsMs.max - lastsMs.min),
    }
  })
}

export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items]
  return items.map(() => left.splice(randomBelow(random, left.length), 1)[0]!)
}
