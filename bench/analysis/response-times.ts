/** how long answers take, of three backends alike, and with one of them ten times as slow. */
import type { LoadReport } from '../../compose/load/report.ts'
import { median } from '../statistics.ts'
import { backendsNamed, type PartContext, usualDelayMs, withService } from './part.ts'
import type { ResponseResult } from './results.ts'
import { evenKeys, mustBeClean, send } from './traffic.ts'

const scenarios = ['alike', 'one slow'] as const
type Scenario = (typeof scenarios)[number]
const slowBackend = 'b3'
const slowFactor = 10

/** Medians over the rounds: strategies are measured in turn, for what disturbs a machine disturbs neighbours alike. */
export async function responseTimes(context: PartContext): Promise<ResponseResult[]> {
  const { rounds, strategies } = context.options
  const cases = scenarios.flatMap((scenario) => strategies.map((strategy) => ({ scenario, strategy })))
  const reports = cases.map((): LoadReport[] => [])
  for (let round = 1; round <= rounds; round++)
    for (const [index, { scenario, strategy }] of cases.entries()) {
      context.say(`A-3 ${strategy}, ${scenario}, round ${round} of ${rounds}`)
      reports[index]!.push(await measure(strategy, scenario, context))
    }
  return cases.map(({ scenario, strategy }, index) => {
    const over = (value: (report: LoadReport) => number) => median(reports[index]!.map(value))
    const latencyMs = {
      p50: over((report) => report.latencyMs.p50),
      p90: over((report) => report.latencyMs.p90),
      p99: over((report) => report.latencyMs.p99),
    }
    const slowShare = over((report) => (report.backends[slowBackend] ?? 0) / report.ok)
    return { strategy, scenario, latencyMs, slowShare }
  })
}

function measure(strategy: string, scenario: Scenario, context: PartContext): Promise<LoadReport> {
  const slowMs = [usualDelayMs[0] * slowFactor, usualDelayMs[1] * slowFactor] as const
  const backends = backendsNamed(3).map((backend) =>
    scenario === 'one slow' && backend.name === slowBackend ? { ...backend, delayMs: slowMs } : backend,
  )
  return withService({ strategy, backends }, context, async ({ url }) =>
    mustBeClean(await send(url, context.options, evenKeys, context.signal)),
  )
}
