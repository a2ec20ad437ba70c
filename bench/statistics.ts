/** What is said of repeated measurements. Pure. */

/** One number of a benchmark's table, over its rounds. */
export interface Spread {
  median: number
  min: number
  max: number
}

/** The middle value, or the mean of the middle two. Throws for none: a median of nothing is a mistake, not 0. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('a median needs at least one value')
  const ascending = Float64Array.from(values).sort()
  const middle = ascending.length >> 1
  return ascending.length % 2 === 1 ? ascending[middle]! : (ascending[middle - 1]! + ascending[middle]!) / 2
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** The smallest value that at least `share` of all do not exceed (nearest rank). Throws for none. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('a percentile needs at least one value')
  const ascending = Float64Array.from(values).sort()
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)]!
}

/**
 * The median of the ratios of each round. Rounds are paired because what disturbs a shared machine disturbs neighbours alike:
 * a ratio within a round is steadier than a ratio of two medians.
 */
export function pairedRatio(numerators: readonly number[], denominators: readonly number[]): number {
  if (numerators.length !== denominators.length)
    throw new RangeError(`a ratio by rounds needs as many of both: ${numerators.length} and ${denominators.length}`)
  return median(numerators.map((numerator, round) => numerator / denominators[round]!))
}
