/** how long answers take, of three backends alike, and with one of them ten times as slow. */
import { backendsNamed, type PartContext, usualDelayMs, withService } from './part.ts'
import type { ResponseResult } from './results.ts'
import { evenKeys, mustBeClean, send } from './traffic.ts'

const scenarios = ['alike', 'one slow'] as const
const slowBackend = 'b3'
const slowFactor = 10

export async function responseTimes(context: PartContext): Promise<ResponseResult[]> {
  const results: ResponseResult[] = []
  for (const scenario of scenarios) {
    const slowMs = [usualDelayMs[0] * slowFactor, usualDelayMs[1] * slowFactor] as const
    const backends = backendsNamed(3).map((backend) =>
      scenario === 'one slow' && backend.name === slowBackend ? { ...backend, delayMs: slowMs } : backend,
    )
    for (const strategy of context.options.strategies) {
      context.say(`A-3 ${strategy}, ${scenario}`)
      const report = await withService({ strategy, backends }, context, async ({ url }) =>
        mustBeClean(await send(url, context.options, evenKeys, context.signal)),
      )
      const { p50, p90, p99 } = report.latencyMs
      const slowShare = (report.backends[slowBackend] ?? 0) / report.ok
      results.push({ strategy, scenario, latencyMs: { p50, p90, p99 }, slowShare })
    }
  }
  return results
}
