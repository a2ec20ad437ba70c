/** `bench proxy`: requests per second of one processor core, beside other proxies before the same upstream. */
import { z } from 'zod'
import { textList } from '../../checkpoint/units.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { BenchError } from '../errors.ts'
import { type Column, type Contender, type Metrics, rowsOf, runRounds, type Sample, valuesOf } from '../harness.ts'
import type { Findings } from '../report.ts'
import { median } from '../statistics.ts'
import { type ContenderSpec, contenderSpecs, ours, type RunningContender } from './contenders.ts'
import { findLoadGenerator, type LoadGenerator, methods, postBytes } from './load.ts'
import { choosePlacement, type Placement, treeCpuMs } from './placement.ts'
import { type Comparison, rateRatio, ratioRows } from './ratios.ts'
import { answerBytes, startCheckingUpstream, startQuickUpstream } from './upstream.ts'
import { validateProxy } from './validation.ts'

const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')
const known = contenderSpecs.map(({ id }) => id)
/** Below this the upstream, or the load itself, is what the quickest proxy waits for. */
const headroomMin = 1.5

export const proxyOptions = commonOptions.extend({
  seconds: wholeNumber.min(1).max(600).default(4).meta({ description: 'length of each measurement' }),
  // Long enough for Node to compile what it needs, also when its last turn was long ago.
  warmUpSeconds: wholeNumber
    .min(1)
    .max(60)
    .default(3)
    .meta({ description: 'the same load before each measurement, not counted', flag: 'warm-up' }),
  connections: wholeNumber.min(1).max(1_000).default(64).meta({ description: 'keep-alive connections' }),
  only: textList
    .pipe(z.array(z.enum(known)))
    .prefault(known)
    .meta({ description: 'contenders to measure' }),
  pin: z.enum(['none', 'split']).default('split').meta({
    description: 'split pins the proxy to the first processor, load and upstream to the others, where taskset is there',
  }),
})
type ProxyOptions = z.output<typeof proxyOptions>

const columns: readonly Column[] = methods.flatMap((method) => [
  { metric: `${method} rate`, title: method, unit: 'requests/s' },
  { metric: `${method} p50`, title: `${method} p50`, unit: 'ms' },
  { metric: `${method} p99`, title: `${method} p99`, unit: 'ms' },
  { metric: `${method} cpu`, title: `${method} cpu per request`, unit: 'µs' },
])
const direct = 'the upstream itself'

export const proxy = benchmark(proxyOptions, runProxy)

async function runProxy(options: ProxyOptions, context: BenchContext): Promise<Findings> {
  const placement = await choosePlacement(options.pin)
  const load = await findLoadGenerator(placement.others)
  const upstream = await startQuickUpstream(placement.others, context.log)
  context.cleanup.add(() => upstream.stop())
  const notes = [
    `${options.connections} connections, ${options.seconds} s a measurement; GET of ${answerBytes} bytes, POST of ${postBytes}; upstream ${upstream.version}`,
    placement.proxy === undefined
      ? 'nothing is pinned to a processor'
      : `proxies pinned to processor ${placement.proxy}; wrk and upstream to ${placement.others}`,
    'cpu per request: user and system time of the proxy and its children, over all answers of the load; the steadiest number on a busy machine',
    'ratios: the smaller of GET and POST',
  ]
  const contenders: Contender[] = [
    { name: direct, validate: async () => {}, measure: () => measureBoth(upstream, load, options) },
  ]
  const present: ContenderSpec[] = []
  for (const spec of contenderSpecs.filter(({ id }) => options.only.includes(id))) {
    context.signal.throwIfAborted()
    context.say(`starting ${spec.name}`)
    try {
      const running = await spec.start({ upstreamPort: upstream.port, placement, log: context.log })
      context.cleanup.add(() => running.stop())
      if (running.version !== undefined) notes.push(running.version)
      present.push(spec)
      contenders.push({
        name: spec.name,
        validate: () => validate(spec, placement, context),
        measure: () => measureBoth(running, load, options),
      })
    } catch (error) {
      if (!(error instanceof BenchError) || error.code !== 'PEER_MISSING') throw error
      notes.push(`${spec.name}: ${error.message}`)
    }
  }
  const samples = await runRounds(contenders, options.rounds, {
    signal: context.signal,
    onSample: ({ contender, round, metrics }) => context.say(`round ${round + 1}: ${progressOf(contender, metrics)}`),
  })
  const comparisons = comparisonsOf(present)
  if (comparisons.some(({ key }) => key === 'workers2'))
    notes.push(
      'workers2: two workers over one, both free to use two processors. Here these are also those of wrk and the upstream where there are no more: what two workers could do is then not seen',
    )
  return {
    rounds: options.rounds,
    rows: [...rowsOf(samples, columns), ...comparisons.flatMap((comparison) => ratioRows(samples, comparison))],
    ratios: Object.fromEntries(comparisons.map((comparison) => [comparison.key, rateRatio(samples, comparison)])),
    notes: [...notes, ...headroomNotes(samples, present)],
    samples,
  }
}

/** By an instance of its own, before an upstream that looks at what arrives. */
async function validate(spec: ContenderSpec, placement: Placement, { log, say }: BenchContext): Promise<void> {
  say(`checking ${spec.name}`)
  const upstream = await startCheckingUpstream()
  try {
    const running = await spec.start({ upstreamPort: upstream.port, placement, log })
    try {
      await validateProxy(spec.name, running.port, spec.keepsAlive ?? true)
    } finally {
      await running.stop()
    }
  } finally {
    await upstream.stop()
  }
}

async function measureBoth(
  running: Pick<RunningContender, 'port' | 'pid'>,
  load: LoadGenerator,
  { connections, seconds, warmUpSeconds }: ProxyOptions,
): Promise<Metrics> {
  const metrics: Record<string, number> = {}
  for (const method of methods) {
    await load.run(running.port, method, { connections, seconds: warmUpSeconds })
    const beforeMs = await treeCpuMs(running.pid)
    const { requests, durationUs, p50Us, p99Us } = await load.run(running.port, method, { connections, seconds })
    const usedMs = (await treeCpuMs(running.pid)) - beforeMs
    metrics[`${method} rate`] = requests / (durationUs / 1e6)
    metrics[`${method} p50`] = p50Us / 1_000
    metrics[`${method} p99`] = p99Us / 1_000
    metrics[`${method} cpu`] = (usedMs * 1_000) / requests
  }
  return metrics
}

function comparisonsOf(present: readonly ContenderSpec[]): Comparison[] {
  const nameOf = (id: string) => present.find((spec) => spec.id === id)?.name
  const oursName = nameOf(ours)
  const comparisons: Comparison[] = []
  if (oursName !== undefined)
    for (const { ratio, name } of present)
      if (ratio !== undefined) comparisons.push({ key: ratio, numerator: oursName, denominator: name })
  const [one, two] = [nameOf('workers1'), nameOf('workers2')]
  if (one !== undefined && two !== undefined) comparisons.push({ key: 'workers2', numerator: two, denominator: one })
  return comparisons
}

/** Nothing that stands before an upstream can be quicker than it. */
function headroomNotes(samples: readonly Sample[], present: readonly ContenderSpec[]): string[] {
  return methods.flatMap((method) => {
    const rate = (name: string) => median(valuesOf(samples, name, `${method} rate`))
    const quickest = Math.max(...present.map(({ name }) => rate(name)))
    if (present.length === 0 || rate(direct) >= quickest * headroomMin) return []
    return [`${method}: the upstream itself is only ${(rate(direct) / quickest).toFixed(2)} x the quickest proxy`]
  })
}

function progressOf(contender: string, metrics: Metrics): string {
  const parts = methods.map(
    (method) => `${method} ${Math.round(metrics[`${method} rate`]!)}/s, ${metrics[`${method} cpu`]!.toFixed(1)} µs`,
  )
  return `${contender}: ${parts.join('; ')}`
}
