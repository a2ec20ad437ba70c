/**
 * Whether a figure stays flat over a run. Pure.
 *
 * The rule: a run is cut into thirds by time. The first is for warming up, and judges nothing. The figure's level in the last third may be
 * at most its level in the middle third, times `share`, plus `slack`. The level is the median where a figure goes to and fro within seconds (a
 * heap between collections), and the highest where it climbs and falls back in minutes (a log between truncations).
 */
export interface FlatRule {
  readonly level: 'median' | 'highest'
  readonly share: number
  /** In the figure's own unit. */
  readonly slack: number
}

export interface Reading {
  /** Since the run began, milliseconds. */
  readonly atMs: number
  readonly value: number
}

export interface Judgement {
  readonly flat: boolean
  readonly middle: number
  readonly last: number
  /** What `last` may be. */
  readonly limit: number
}

/** Fewer readings in a third say nothing: at one every five seconds, a run of five minutes is the shortest that is judged. */
export const readingsMin = 20

/** Undefined if there are too few readings to tell. `readings` ascend in time. */
export function judgeFlat(readings: readonly Reading[], rule: FlatRule): Judgement | undefined {
  const endMs = readings.at(-1)?.atMs ?? 0
  const middle = readings.filter(({ atMs }) => atMs > endMs / 3 && atMs <= (endMs * 2) / 3)
  const last = readings.filter(({ atMs }) => atMs > (endMs * 2) / 3)
  if (middle.length < readingsMin || last.length < readingsMin) return undefined
  const [before, after] = [levelOf(middle, rule), levelOf(last, rule)]
  const limit = before * rule.share + rule.slack
  return { flat: after <= limit, middle: before, last: after, limit }
}

function levelOf(readings: readonly Reading[], { level }: FlatRule): number {
  const ascending = readings.map(({ value }) => value).sort((left, right) => left - right)
  return level === 'highest' ? ascending.at(-1)! : ascending[ascending.length >> 1]!
}
