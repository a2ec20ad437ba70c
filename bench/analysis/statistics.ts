/** What is said of counts and times. Pure. */

/** Arithmetic mean. Throws for none. */
export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('a mean needs at least one value')
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Of all there is, not of a sample: the values are every backend's count. */
export function standardDeviation(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)))
}

/** Of counts by name, 0 for a name without any. */
export function sharesOf(counts: Readonly<Record<string, number>>, names: readonly string[]): Record<string, number> {
  const all = names.reduce((sum, name) => sum + (counts[name] ?? 0), 0)
  return Object.fromEntries(names.map((name) => [name, all === 0 ? 0 : (counts[name] ?? 0) / all]))
}

/**
 * How the busiest compared with the mean, in each interval for which all of them were sampled and in which enough was under way to say so.
 * Of several samples in one interval the last counts.
 */
export function loadRatios(
  samples: readonly (readonly [atMs: number, inFlight: number][])[],
  { intervalMs, leastMean }: { intervalMs: number; leastMean: number },
): number[] {
  const [first, ...others] = samples.map(
    (all) => new Map(all.map(([atMs, inFlight]) => [Math.floor(atMs / intervalMs), inFlight])),
  )
  return [...(first ?? [])].flatMap(([interval, load]) => {
    const loads = [load, ...others.flatMap((other) => other.get(interval) ?? [])]
    const middle = mean(loads)
    return loads.length < samples.length || middle < leastMean ? [] : [Math.max(...loads) / middle]
  })
}
