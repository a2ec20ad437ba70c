/** `bench writes`: what durable writes cost a service, beside plain memory, PostgreSQL and Redis. */
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { z } from 'zod'
import { textList } from '../../checkpoint/units.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { BenchError, mustHold } from '../errors.ts'
import { type Column, type Contender, type Metrics, rowsOf, runRounds, valuesOf } from '../harness.ts'
import { findProgram } from '../peers/installed.ts'
import type { Findings } from '../report.ts'
import { pairedRatio } from '../statistics.ts'
import { type ContenderSpec, contenderSpecs, ours, type Store, Stores } from './contenders.ts'
import { findLoadGenerator, type LoadGenerator } from './load.ts'
import { type ServerProcess, startServer } from './server-process.ts'

/** All processors but the first, as taskset takes them. */
const otherCpus = availableParallelism() === 2 ? '1' : `1-${availableParallelism() - 1}`
const run = promisify(execFile)
const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')
const known = contenderSpecs.map(({ id }) => id)
const usual = contenderSpecs.filter(({ processorsMin = 1 }) => availableParallelism() >= processorsMin)

export const writesOptions = commonOptions.extend({
  seconds: wholeNumber.min(1).max(600).default(4).meta({ description: 'length of each measurement' }),
  warmUpSeconds: wholeNumber
    .min(1)
    .max(60)
    .default(1)
    .meta({ description: 'the same load before each measurement, not counted', flag: 'warm-up' }),
  connections: wholeNumber.min(1).max(1_000).default(50).meta({ description: 'keep-alive connections' }),
  only: textList
    .pipe(z.array(z.enum(known)))
    .prefault(usual.map(({ id }) => id))
    .meta({ description: 'contenders to measure' }),
  keys: wholeNumber
    .min(1)
    .max(9_999_999)
    .default(100_000)
    .meta({ description: 'keys of about 100 bytes that a large state has' }),
  pin: z.enum(['none', 'split']).default('split').meta({
    description: 'split pins the servers to the first processor, load and stores to the others, where taskset is there',
  }),
  profile: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'directory that gets a CPU profile of each server (slows them)' }),
})
type WritesOptions = z.output<typeof writesOptions>

const columns: readonly Column[] = [
  { metric: 'rate', title: '', unit: 'requests/s' },
  { metric: 'p50Ms', title: 'p50', unit: 'ms' },
  { metric: 'p99Ms', title: 'p99', unit: 'ms' },
  { metric: 'snapshots', title: 'in a measurement and its warm-up', unit: 'snapshots' },
  { metric: 'cpuUs', title: 'processor time of the server', unit: 'µs/request' },
]

export const writes = benchmark(writesOptions, runWrites)

async function runWrites(asked: WritesOptions, context: BenchContext): Promise<Findings> {
  const pinnable = availableParallelism() > 1 && (await findProgram('taskset')) !== undefined
  const options: WritesOptions = { ...asked, pin: pinnable ? asked.pin : 'none' }
  const load = await findLoadGenerator(options.pin === 'split' ? otherCpus : undefined)
  const stores = new Stores({
    log: context.log,
    signal: context.signal,
    onStarted: (stop) => context.cleanup.add(stop),
    keys: options.keys,
  })
  const notes = [`load: ${load.description}, ${options.connections} connections, ${options.seconds} s a measurement`]
  notes.push(
    options.pin === 'split'
      ? 'servers pinned to processor 0, load and stores to the others'
      : 'nothing is pinned to a processor',
  )
  const present: { spec: ContenderSpec; contender: Contender }[] = []
  for (const spec of contenderSpecs.filter(({ id }) => options.only.includes(id))) {
    context.signal.throwIfAborted()
    context.say(`starting ${spec.name}`)
    try {
      const store = await spec.start(stores)
      present.push({ spec, contender: await startContender(spec, store, load, options, context) })
      notes.push(`${spec.name}: ${store.note}; survives ${spec.survives}`)
    } catch (error) {
      if (!(error instanceof BenchError) || error.code !== 'PEER_MISSING') throw error
      notes.push(`${spec.name}: ${error.message}`)
    }
  }
  const samples = await runRounds(
    present.map(({ contender }) => contender),
    options.rounds,
    {
      signal: context.signal,
      onSample: ({ contender, round, metrics }) =>
        context.say(`round ${round + 1}: ${contender}: ${Math.round(metrics.rate!)} requests/s`),
    },
  )
  const oursName = present.find(({ spec }) => spec.id === ours)?.contender.name
  const ratios: Record<string, number> = {}
  for (const { spec, contender } of present) {
    if (spec.ratio === undefined || oursName === undefined) continue
    ratios[spec.ratio] = pairedRatio(valuesOf(samples, oursName, 'rate'), valuesOf(samples, contender.name, 'rate'))
  }
  for (const { spec, contender } of present) {
    const other = present.find(({ spec: { id } }) => id === spec.p99?.of)
    if (spec.p99 === undefined || other === undefined) continue
    const [theirs, own] = [other.contender.name, contender.name].map((name) => valuesOf(samples, name, 'p99Ms'))
    ratios[spec.p99.key] = pairedRatio(theirs!, own!)
    notes.push(`${spec.p99.key}: p99 of ${other.contender.name} over that of ${contender.name}; 0.67 is within 1.5 x`)
  }
  return { rounds: options.rounds, rows: rowsOf(samples, columns), ratios, notes, samples }
}

async function startContender(
  spec: ContenderSpec,
  store: Store,
  load: LoadGenerator,
  options: WritesOptions,
  { cleanup }: BenchContext,
): Promise<Contender> {
  const [module, ...args] = store.server
  const profiling = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`]
  const server = await startServer(module, args, profiling)
  cleanup.add(() => server.stop())
  if (options.pin === 'split') {
    await pin(server.pid, '0')
    for (const pid of store.pids) await pin(pid, otherCpus)
  }
  const name = spec.name
  const beside = await besideOf(store, server, cleanup)
  if (beside && beside !== server && options.pin === 'split') await pin(beside.pid, otherCpus)
  return {
    name,
    validate: () => validate(name, server),
    measure: (round) => measure({ name, server, beside, load, options, prefix: `round-${round}` }),
  }
}

/** The process that does something beside the requests, if there is one. */
async function besideOf({ beside }: Store, server: ServerProcess, cleanup: BenchContext['cleanup']) {
  if (beside === undefined || beside === 'server') return beside && server
  const [module, ...args] = beside
  const other = await startServer(module, args)
  cleanup.add(() => other.stop())
  return other
}

/** Right answers, and a state that changed: in the store, not only in the answer. */
async function validate(name: string, server: ServerProcess): Promise<void> {
  const before = await server.count()
  const first = await book(server.port, { seat: 'check', user: 'first' })
  const { id, ...rest } = first.body
  mustHold(first.status === 201, `${name} answered ${first.status} to a first booking, not 201`)
  mustHold(same(rest, { seat: 'check', user: 'first' }), `${name} answered ${JSON.stringify(first.body)}`)
  mustHold(typeof id === 'string' && id.length === 36, `${name} gave no id`)
  const second = await book(server.port, { seat: 'check', user: 'second' })
  mustHold(second.status === 409, `${name} answered ${second.status} to a second booking of a seat, not 409`)
  mustHold(same(second.body, { seat: 'check', user: 'first' }), `${name} answered ${JSON.stringify(second.body)}`)
  const added = (await server.count()) - before
  mustHold(added === 1, `the store of ${name} has ${added} bookings more after one was acknowledged`)
}

interface Measurement {
  readonly name: string
  readonly server: ServerProcess
  readonly beside: ServerProcess | undefined
  readonly load: LoadGenerator
  readonly options: WritesOptions
  readonly prefix: string
}

async function measure({ name, server, beside, load, options, prefix }: Measurement): Promise<Metrics> {
  const { connections, seconds, warmUpSeconds } = options
  const before = await server.count()
  const endBeside = await beside?.beside()
  const warm = await load.run({
    port: server.port,
    connections,
    seconds: warmUpSeconds,
    asks: { kind: 'bookings', text: `${prefix}-warm` },
  })
  const cpuMs = await server.cpuMs()
  const timed = await load.run({ port: server.port, connections, seconds, asks: { kind: 'bookings', text: prefix } })
  const cpuUsedMs = (await server.cpuMs()) - cpuMs
  const times = await endBeside?.()
  mustHold(times !== 0, `${name} did nothing beside the requests`)
  // What was under way when the load ended may be stored too, though nobody heard of it.
  const acknowledged = warm.requests + timed.requests
  const stored = (await server.count()) - before
  mustHold(
    stored >= acknowledged && stored <= acknowledged + 2 * connections,
    `${name} acknowledged ${acknowledged} bookings, and its store has ${stored}`,
  )
  return {
    rate: timed.requests / (timed.durationUs / 1e6),
    p50Ms: timed.p50Us / 1_000,
    p99Ms: timed.p99Us / 1_000,
    cpuUs: (cpuUsedMs * 1_000) / timed.requests,
    requests: timed.requests,
    ...(times === undefined ? {} : { snapshots: times }),
  }
}

async function book(port: number, body: { seat: string; user: string }) {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`http://127.0.0.1:${port}/bookings`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}

async function pin(pid: number, cpus: string): Promise<void> {
  await run('taskset', ['-a', '-p', '-c', cpus, `${pid}`]).catch((cause) => {
    throw new BenchError('PEER_FAILED', `taskset could not pin process ${pid} to ${cpus}: ${cause.message}`, cause)
  })
}
