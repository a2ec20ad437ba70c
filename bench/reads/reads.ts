/** `bench reads`: what linearizable reads cost, under a lease and by barriers, beside reads with no protection. */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { startKafka } from '../../compose/kafka/kafka.ts'
import { kafkaVersion } from '../../compose/kafka/runtime.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { type Child, startChild } from '../child.ts'
import { mustHold } from '../errors.ts'
import { type Column, type Contender, type Metrics, rowsOf, runRounds, valuesOf } from '../harness.ts'
import { choosePlacement, pin } from '../proxy/placement.ts'
import type { Findings } from '../report.ts'
import { pairedRatio } from '../statistics.ts'
import { findLoadGenerator, type LoadGenerator } from '../writes/load.ts'
import type { Figures, Listening } from './servers/booking.ts'

const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')

export const readsOptions = commonOptions.extend({
  seconds: wholeNumber.min(1).max(600).default(4).meta({ description: 'length of each measurement' }),
  warmUpSeconds: wholeNumber
    .min(1)
    .max(60)
    .default(1)
    .meta({ description: 'the same load before each measurement, not counted', flag: 'warm-up' }),
  connections: wholeNumber.min(1).max(1_000).default(64).meta({ description: 'keep-alive connections' }),
  pin: z.enum(['none', 'split']).default('split').meta({
    description: 'split pins the servers to the first processor, load and Kafka to the others, where taskset is there',
  }),
  profile: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'directory that gets a CPU profile of each server (slows them)' }),
})
type ReadsOptions = z.output<typeof readsOptions>

const protections = {
  none: 'no protection',
  lease: 'lease',
  barrier: 'barrier',
} as const
type Protection = keyof typeof protections

const columns: readonly Column[] = [
  { metric: 'rate', title: '', unit: 'requests/s' },
  { metric: 'p50Ms', title: 'p50', unit: 'ms' },
  { metric: 'p99Ms', title: 'p99', unit: 'ms' },
  { metric: 'cpuUs', title: 'processor time of the server', unit: 'µs/request' },
  { metric: 'sharing', title: 'that share a record', unit: 'reads' },
]

type Server = Child<'figures', Listening | Figures>
const answerTimeoutMs = 30_000

export const reads = benchmark(readsOptions, runReads)

async function runReads(options: ReadsOptions, context: BenchContext): Promise<Findings> {
  const { proxy: servers, others } = await choosePlacement(options.pin)
  const load = await findLoadGenerator(others)
  const kafka = await startKafka({ port: 0, brokers: 1, log: context.log, signal: context.signal })
  context.cleanup.add(() => kafka.stop())
  for (const pid of kafka.pids) await pin(pid, others)
  const contenders: Contender[] = []
  for (const protection of Object.keys(protections) as Protection[]) {
    context.say(`starting ${protections[protection]}`)
    const topic = `bench-reads-${protection}-${randomBytes(4).toString('hex')}`
    const profiling = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`]
    const module = new URL('./servers/booking.ts', import.meta.url)
    const server: Server = await startChild(module, [kafka.brokers.join(','), topic, protection], profiling)
    context.cleanup.add(() => server.stop())
    await pin(server.pid, servers)
    contenders.push(contender(protection, server, load, options))
  }
  const samples = await runRounds(contenders, options.rounds, {
    signal: context.signal,
    onSample: ({ contender, round, metrics }) =>
      context.say(`round ${round + 1}: ${contender}: ${Math.round(metrics.rate!)} requests/s`),
  })
  const rates = (protection: Protection) => valuesOf(samples, protections[protection], 'rate')
  const ratios = {
    lease: pairedRatio(rates('lease'), rates('none')),
    barrier: pairedRatio(rates('barrier'), rates('none')),
  }
  const notes = [
    `load: ${load.description}, ${options.connections} connections, ${options.seconds} s a measurement, one key`,
    servers === undefined
      ? 'nothing is pinned to a processor'
      : `servers pinned to processor ${servers}, load and Kafka to the others`,
    `Express, checkpoint on Kafka ${kafkaVersion}; no protection answers with the same bytes, from a handler of its own`,
  ]
  return { rounds: options.rounds, rows: rowsOf(samples, columns), ratios, notes, samples }
}

function contender(protection: Protection, server: Server, load: LoadGenerator, options: ReadsOptions): Contender {
  const { port } = server.first as Listening
  const figures = async () => (await server.ask('figures', answerTimeoutMs)) as Figures
  const asks = { kind: 'reads', text: '/bookings/A1' } as const
  return {
    name: protections[protection],
    validate: () => validate(protection, port, figures),
    async measure(): Promise<Metrics> {
      const { connections, seconds, warmUpSeconds } = options
      await load.run({ port, connections, seconds: warmUpSeconds, asks })
      const before = await figures()
      const timed = await load.run({ port, connections, seconds, asks })
      const after = await figures()
      mustBeProtected(protection, { before, after, requests: timed.requests })
      const records = after.records - before.records
      return {
        rate: timed.requests / (timed.durationUs / 1e6),
        p50Ms: timed.p50Us / 1_000,
        p99Ms: timed.p99Us / 1_000,
        cpuUs: ((after.cpuMs - before.cpuMs) * 1_000) / timed.requests,
        requests: timed.requests,
        ...(protection === 'barrier' ? { sharing: timed.requests / records } : {}),
      }
    },
  }
}

/** The same answer from all, to what is there and to what is not. */
async function validate(protection: Protection, port: number, figures: () => Promise<Figures>): Promise<void> {
  const name = protections[protection]
  const before = await figures()
  for (const [seat, status] of [
    ['A1', 200],
    ['B2', 404],
  ] as const) {
    const response = await fetch(`http://127.0.0.1:${port}/bookings/${seat}`)
    const body = (await response.json()) as { seat?: string; user?: string }
    mustHold(response.status === status, `${name} answered ${response.status} to a read of ${seat}, not ${status}`)
    mustHold(body.seat === seat, `${name} answered ${JSON.stringify(body)} to a read of ${seat}`)
    mustHold(body.user === (status === 200 ? 'someone' : undefined), `${name} answered ${JSON.stringify(body)}`)
    const epoch = response.headers.get('x-heartline-epoch')
    mustHold(Number(epoch) >= 1, `${name} said the epoch ${epoch}`)
  }
  mustBeProtected(protection, { before, after: await figures(), requests: 2 })
}

interface Seen {
  readonly before: Figures
  readonly after: Figures
  readonly requests: number
}

/** Each read was protected as it is said, and no other way: by the server's own counters, and by its journal. */
function mustBeProtected(protection: Protection, { before, after, requests }: Seen): void {
  const name = protections[protection]
  const byLease = after.byLease - before.byLease
  const byBarrier = after.byBarrier - before.byBarrier
  const said = `${name}: ${requests} requests, ${byLease} reads under a lease, ${byBarrier} by barriers`
  if (protection === 'none') mustHold(byLease + byBarrier === 0, said)
  if (protection === 'lease') {
    mustHold(byLease >= requests && byBarrier === 0, said)
    mustHold(after.records === before.records, `${name}: the journal grew`)
  }
  if (protection === 'barrier') {
    mustHold(byBarrier >= requests && byLease === 0, said)
    mustHold(after.records > before.records, `${name}: the journal did not grow`)
  }
}
