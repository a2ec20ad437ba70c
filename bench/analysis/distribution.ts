/** who answers how much, of three backends and of more. */
import { backendsNamed, type PartContext, withService } from './part.ts'
import type { ShareResult, SpreadResult } from './results.ts'
import { mean, standardDeviation } from './statistics.ts'
import { evenKeys, mustBeClean, send } from './traffic.ts'

/** What the weighted strategy is told in A-1; the others see equal backends. */
const weights = [3, 2, 1]

export async function shares(context: PartContext): Promise<ShareResult[]> {
  const results: ShareResult[] = []
  for (const strategy of context.options.strategies) {
    const weightOf = (index: number) => (strategy === 'weighted' ? weights[index]! : 1)
    const backends = backendsNamed(weights.length).map((backend, index) => ({ ...backend, weight: weightOf(index) }))
    context.say(`A-1 ${strategy}: ${context.options.requests} requests on ${backends.length} backends`)
    const counts = await countsOf(strategy, backends, context)
    const byName = Object.fromEntries(backends.map(({ name, weight }) => [name, weight]))
    results.push({ strategy, weights: byName, counts })
  }
  return results
}

export async function spreads(context: PartContext): Promise<SpreadResult[]> {
  const results: SpreadResult[] = []
  for (const strategy of context.options.strategies) {
    for (let count = 2; count <= context.options.backendsMax; count++) {
      context.say(`A-2 ${strategy}: ${context.options.requests} requests on ${count} backends`)
      const counts = Object.values(await countsOf(strategy, backendsNamed(count), context))
      results.push({ strategy, backends: count, mean: mean(counts), standardDeviation: standardDeviation(counts) })
    }
  }
  return results
}

async function countsOf(
  strategy: string,
  backends: ReturnType<typeof backendsNamed>,
  context: PartContext,
): Promise<Record<string, number>> {
  return withService({ strategy, backends }, context, async ({ url }) => {
    const report = mustBeClean(await send(url, context.options, evenKeys, context.signal))
    return Object.fromEntries(backends.map(({ name }) => [name, report.backends[name] ?? 0]))
  })
}
