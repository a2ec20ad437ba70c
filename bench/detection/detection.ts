/** `bench detection`: how nervous the detection is on a saturated machine, and how quick on a quiet one. */
import { cpus } from 'node:os'
import { z } from 'zod'
import { textList } from '../../checkpoint/units.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { BenchError } from '../errors.ts'
import type { Block, FailoverSample } from '../failover/observations.ts'
import { ourBlock } from '../failover/ours.ts'
import type { Findings, Row } from '../report.ts'
import { percentile, spread } from '../statistics.ts'
import { type Saturated, saturate } from './saturation.ts'

const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')
const minuteMs = 60_000

export const detectionOptions = commonOptions.omit({ rounds: true }).extend({
  minutes: z.coerce
    .number('expected a number of minutes')
    .min(0)
    .max(600)
    .default(10)
    .meta({ description: 'how long the machine is saturated; 0 leaves that out' }),
  hogs: wholeNumber
    .min(1)
    .max(256)
    .default(2 * cpus().length)
    .meta({ description: 'processes that each take all they can get of a core; by default two for each core' }),
  rate: z.coerce
    .number('expected requests per second')
    .positive()
    .max(100_000)
    .default(200)
    .meta({ description: 'requests per second meanwhile, half of them writes' }),
  hangs: wholeNumber.min(0).max(1_000).default(20).meta({ description: 'how often the active is stopped, in quiet' }),
  kills: wholeNumber.min(0).max(1_000).default(20).meta({ description: 'how often it is killed, in quiet' }),
  kafka: textList.optional().meta({ description: 'journal of the saturated cluster, as `up` takes it' }),
})
type DetectionOptions = z.output<typeof detectionOptions>

const quietTraffic = { ratePerSecond: 1_000, clients: 50 }

export const detection = benchmark(detectionOptions, runDetection)

async function runDetection(options: DetectionOptions, context: BenchContext): Promise<Findings> {
  const { minutes, hogs, rate, hangs, kills } = options
  const rows: Row[] = []
  const notes: string[] = []
  const samples: unknown[] = []
  for (const [title, count, signal] of [
    ['hang', hangs, 'SIGSTOP'],
    ['kill', kills, 'SIGKILL'],
  ] as const) {
    if (count === 0) continue
    context.say(`${count} times ${signal}, with nothing else on the machine`)
    const block = await ourBlock(count, signal, quietTraffic, 0, context.signal)
    if (block.failovers.length < count)
      throw new BenchError('LOAD_FAILED', `only ${block.failovers.length} of ${count} failovers happened`)
    rows.push(...quickness(title, block))
    samples.push({ signal, failovers: block.failovers })
  }
  if (minutes > 0) {
    context.say(`${hogs} hogs on ${cpus().length} cores for ${minutes} minutes`)
    const wish = { kafka: options.kafka, hogs, durationMs: minutes * minuteMs, ratePerSecond: rate }
    const saturated = await saturate(wish, context)
    rows.push(...nervousness(saturated))
    notes.push(saturated.journal, ...saturated.failovers)
    samples.push(saturated)
  }
  return { rounds: 1, rows, ratios: {}, notes, samples }
}

/** From the signal to the evidence, the decision and the end of what clients saw of it. */
function quickness(title: string, { failovers, errors }: Block): Row[] {
  const steps = [
    ['detected', 'detectedMs'],
    ['decided', 'decidedMs'],
    ['pause of clients', 'pauseMs'],
  ] as const
  const rows = steps.flatMap(([step, field]) => {
    const values = known(failovers, field)
    if (values.length === 0) return []
    const worst = percentile(values, 0.99)
    return [
      { name: `${title}: ${step}`, unit: 'ms', ...spread(values) },
      { name: `${title}: ${step}, p99`, unit: 'ms', median: worst, min: worst, max: worst },
    ]
  })
  return [...rows, count(`${title}: errors`, errors)]
}

function nervousness(saturated: Saturated): Row[] {
  const { suspicions, failovers, judged, requests, errors, pauseMs, longestSilenceMs, loopDelaysMs } = saturated
  return [
    count('saturated: false failovers', failovers.length),
    count('saturated: backends judged gone', judged),
    ...Object.entries(suspicions).map(([reason, times]) => count(`saturated: suspected, ${reason}`, times)),
    count('saturated: requests', requests),
    count('saturated: errors', errors),
    { name: 'saturated: longest pause', unit: 'ms', ...spread([pauseMs]) },
    { name: 'saturated: longest silence of a backend', unit: 'ms', ...spread([longestSilenceMs]) },
    { name: 'saturated: event-loop delays of backends', unit: 'ms', ...spread(loopDelaysMs) },
    { name: 'saturated: event-loop delays, p99', unit: 'ms', ...spread([percentile(loopDelaysMs, 0.99)]) },
  ]
}

function known(failovers: readonly FailoverSample[], field: keyof FailoverSample): number[] {
  return failovers.flatMap((failover) => failover[field] ?? [])
}

function count(name: string, value: number): Row {
  return { name, unit: '', median: value, min: value, max: value }
}
