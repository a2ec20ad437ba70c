/** Normal traffic, alone and beside thousands of clients that are idle or slow. */
import { z } from 'zod'
import type { Holdings } from '../../tests/malformed/balancer-process.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { startChild } from '../child.ts'
import { BenchError } from '../errors.ts'
import { type Contender, rowsOf, runRounds, valuesOf } from '../harness.ts'
import type { Findings } from '../report.ts'
import { pairedRatio, percentile } from '../statistics.ts'
import type { CrowdAnswer, CrowdQuestion } from './crowd-process.ts'
import { normalTraffic } from './normal-traffic.ts'

const wholeNumber = z.coerce.number().int('expected a whole number')

const options = z.object({
  ...commonOptions.shape,
  idle: wholeNumber.min(0).default(5_000).meta({ description: 'clients that ask for nothing' }),
  slow: wholeNumber.min(0).default(1_000).meta({ description: 'clients whose head, body or reading drips' }),
  rate: wholeNumber.min(1).default(500).meta({ description: 'requests per second of normal traffic' }),
  seconds: wholeNumber.min(1).default(5).meta({ description: 'how long normal traffic is measured each time' }),
})

const [alone, beside] = ['alone', 'beside idle and slow clients']
const connections = 64
const holdTimeoutMs = 60_000
const askTimeoutMs = 30_000
/** So that none is cut while it is measured what holding them costs. */
const wideLimits = { headerTimeMs: 300_000, idleTimeMs: 300_000, bodyTimeMs: 300_000, sendTimeMs: 300_000 }
/** What the crowd's arrival costs is over then; it is held that is measured. */
const settleMs = 5_000
/** Before anything counts: connections are made, code is compiled. */
const warmUpMs = 1_000

export const slowClients = benchmark(options, async (given, context): Promise<Findings> => {
  const { cleanup, signal } = context
  const backend = await startChild<object, { url: string }>(new URL('./backend-process.ts', import.meta.url), [])
  cleanup.add(() => backend.stop())
  const balancer = await startChild<object, Holdings>(
    new URL('../../tests/malformed/balancer-process.ts', import.meta.url),
    [backend.first.url, JSON.stringify(wideLimits)],
    ['--expose-gc'],
  )
  cleanup.add(() => balancer.stop())
  const crowd = await startChild<CrowdQuestion, CrowdAnswer>(new URL('./crowd-process.ts', import.meta.url), [])
  cleanup.add(() => crowd.stop())
  const { port } = balancer.first

  const traffic = (durationMs: number) =>
    normalTraffic({
      url: `http://127.0.0.1:${port}/`,
      ratePerSecond: given.rate,
      durationMs,
      clients: connections,
      signal,
    })
  const measured = async () => {
    await traffic(warmUpMs)
    const latencies = await traffic(given.seconds * 1_000)
    const { rssBytes } = await balancer.ask({}, askTimeoutMs)
    return {
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      p999: percentile(latencies, 0.999),
      memory: rssBytes / 2 ** 20,
    }
  }
  const contenders: Contender[] = [
    { name: alone!, validate: async () => void (await traffic(warmUpMs)), measure: measured },
    {
      name: beside!,
      validate: async () => undefined,
      measure: async () => {
        await crowd.ask({ type: 'hold', port, idle: given.idle, slow: given.slow }, holdTimeoutMs)
        await new Promise((resolve) => setTimeout(resolve, settleMs))
        const metrics = await measured()
        const left = await crowd.ask({ type: 'count' }, askTimeoutMs)
        await crowd.ask({ type: 'release' }, askTimeoutMs)
        if (left.idle < given.idle || left.slow < given.slow)
          throw new BenchError(
            'CONTENDER_WRONG',
            `only ${left.idle} idle and ${left.slow} slow clients were held to the end`,
          )
        return metrics
      },
    },
  ]
  return report(contenders, given.rounds, context)
})

async function report(
  contenders: readonly Contender[],
  rounds: number,
  { signal, say }: BenchContext,
): Promise<Findings> {
  const samples = await runRounds(contenders, rounds, {
    signal,
    onSample: ({ contender, round, metrics }) =>
      say(`round ${round + 1}: ${contender}, p99 ${metrics.p99!.toFixed(2)} ms`),
  })
  const p99 = (name: string) => valuesOf(samples, name, 'p99')
  return {
    rounds,
    rows: rowsOf(samples, [
      { metric: 'p50', title: 'p50', unit: 'ms' },
      { metric: 'p99', title: 'p99', unit: 'ms' },
      { metric: 'p999', title: 'p99.9', unit: 'ms' },
      { metric: 'memory', title: 'memory of the balancer', unit: 'MiB' },
    ]),
    ratios: { p99: pairedRatio(p99(alone!), p99(beside!)) },
    notes: ['the ratio is p99 alone over p99 beside the crowd, round by round: at least 0.67 is within 1.5 x'],
    samples,
  }
}
