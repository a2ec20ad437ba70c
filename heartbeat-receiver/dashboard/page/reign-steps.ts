/** What the bar of a reign shows: how long it took from the first evidence until a client had an answer again, step by step. */
import type { BoardReign } from '../board.ts'

export type StepName = 'decided' | 'ready' | 'first answer'

/** One part of the bar. Times are milliseconds since the first evidence. */
export interface ReignStep {
  readonly name: StepName
  readonly fromMs: number
  readonly toMs: number
}

export interface ReignStory {
  /** `beginning`: nobody led before, so nothing failed. */
  readonly kind: 'beginning' | 'failover' | 'handover'
  /** In the order in which they happened, each from the end of the one before. */
  readonly steps: readonly ReignStep[]
  /** What is still awaited, or never came. */
  readonly missing: readonly StepName[]
  /** Until the last step that is known, milliseconds. */
  readonly totalMs: number
  /** `under way`: somebody waits for it. `served`: a client had an answer. `ready`: nobody has asked since. `ended`: another took over before. */
  readonly outcome: 'under way' | 'served' | 'ready' | 'ended'
}

/** A first answer that did not come within so long after readiness is one that nobody asked for, milliseconds. */
export const firstAnswerAwaitedMs = 10_000

/** @param nowMs Unix time of the receiver, milliseconds */
export function reignStory(reign: BoardReign, nowMs: number): ReignStory {
  const times: readonly (readonly [StepName, number | null])[] = [
    ['decided', reign.decidedAtMs],
    ['ready', reign.readyAtMs],
    ['first answer', reign.firstAnswerAtMs],
  ]
  const known = times
    .flatMap(([name, atMs]) => (atMs === null ? [] : [{ name, atMs: Math.max(0, atMs - reign.detectedAtMs) }]))
    // A balancer may have its answer before the receiver hears of readiness: what is drawn is what happened.
    .sort((left, right) => left.atMs - right.atMs)
  const steps = known.map(({ name, atMs }, index) => ({ name, fromMs: known[index - 1]?.atMs ?? 0, toMs: atMs }))
  return {
    kind: reign.previous === null ? 'beginning' : reign.planned ? 'handover' : 'failover',
    steps,
    missing: times.flatMap(([name, atMs]) => (atMs === null ? [name] : [])),
    totalMs: steps.at(-1)?.toMs ?? 0,
    outcome: outcomeOf(reign, nowMs),
  }
}

function outcomeOf(reign: BoardReign, nowMs: number): ReignStory['outcome'] {
  if (reign.firstAnswerAtMs !== null) return 'served'
  if (reign.endedAtMs !== null) return reign.readyAtMs === null ? 'ended' : 'ready'
  if (reign.readyAtMs === null) return 'under way'
  return nowMs - reign.readyAtMs < firstAnswerAwaitedMs ? 'under way' : 'ready'
}

/** The end of a common scale for bars: 1, 2 or 5 times a power of ten, at least 10 ms, and no shorter than the longest of them. */
export function barScaleMs(totalsMs: readonly number[]): number {
  const longest = Math.max(10, ...totalsMs)
  const power = 10 ** Math.floor(Math.log10(longest))
  return [1, 2, 5, 10].map((factor) => factor * power).find((end) => end >= longest - 1e-9)!
}

/** Where a step stands on a scale, in percent of its width; at least `leastPercent` wide, so that none is invisible. */
export function stepPlace(step: ReignStep, scaleMs: number, leastPercent = 0.6): { left: number; width: number } {
  const left = Math.min(100 - leastPercent, (step.fromMs / scaleMs) * 100)
  return { left, width: Math.min(100 - left, Math.max(leastPercent, ((step.toMs - step.fromMs) / scaleMs) * 100)) }
}
