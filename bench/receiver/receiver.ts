/** `bench receiver`: what a fleet of heartbeating backends costs one receiver, and how quickly it decides among so many. */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { startKafka } from '../../compose/kafka/kafka.ts'
import { processorTimeMs, residentBytes } from '../../compose/process-figures.ts'
import { type ManagedProcess, Processes } from '../../compose/processes.ts'
import { type DecisionFollower, followDecisions } from '../../heartbeat-receiver/decision-follower.ts'
import type { Decision } from '../../heartbeat-receiver/protocol.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { type Child, startChild } from '../child.ts'
import { BenchError, mustHold } from '../errors.ts'
import { type Column, type Metrics, rowsOf, type Sample } from '../harness.ts'
import type { Findings } from '../report.ts'
import { percentile } from '../statistics.ts'
import type { FleetAnswer, FleetQuestion } from './fleet-process.ts'

const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')
const sizesText = /^\d{1,5}(,\d{1,5})*$/

export const receiverOptions = commonOptions.extend({
  rounds: commonOptions.shape.rounds.unwrap().default(2).meta(commonOptions.shape.rounds.meta()!),
  backends: z
    .string()
    .regex(sizesText, 'expected numbers of backends up to 15,000, such as 10,100,1000')
    .default('10,100,1000,10000')
    .transform((text) => text.split(',').map(Number))
    .refine((sizes) => sizes.every((size) => size >= 3 && size <= 15_000), 'expected from 3 to 15,000 backends')
    .meta({ description: 'sizes of the fleet' }),
  kills: wholeNumber.min(1).max(1_000).default(25).meta({ description: 'kills of the active at each size' }),
  seconds: wholeNumber.min(1).max(60).default(5).meta({ description: 'how long processor time is measured' }),
})
type ReceiverBenchOptions = z.output<typeof receiverOptions>

/** The fleet is shared out to so many processes. */
const fleetProcesses = 2
/** One is active and is killed, one takes over. */
const victims = ['victim-1', 'victim-2'] as const
const resizeTimeoutMs = 120_000
const decisionTimeoutMs = 10_000
/** A new active is heard and granted its lease, and the restarted one follows. */
const settleMs = 400
const sampleMs = 500
/** What a receiver needs to do its work at all is no fleet's. */
const warmUpKills = 3
const mebibyte = 1024 * 1024

const columns: readonly Column[] = [
  { metric: 'cpuPercent', title: 'processor', unit: '% of a core' },
  { metric: 'heartbeatsPerSecond', title: 'heartbeats', unit: '1/s' },
  { metric: 'residentMiB', title: 'resident memory', unit: 'MiB' },
  { metric: 'bytesPerBackend', title: 'memory for each', unit: 'bytes' },
  { metric: 'decisionP50', title: 'kill to decision, p50', unit: 'ms' },
  { metric: 'decisionP99', title: 'kill to decision, p99', unit: 'ms' },
]

interface Scene {
  readonly options: ReceiverBenchOptions
  readonly context: BenchContext
  readonly receiver: ManagedProcess
  readonly url: string
  readonly follower: DecisionFollower
  readonly fleet: readonly Child<FleetQuestion, FleetAnswer>[]
  readonly victims: Map<string, Child<object, { name: string }>>
  /** Resident memory with the victims only, bytes. */
  readonly emptyBytes: number
}

export const receiver = benchmark(receiverOptions, async (options, context): Promise<Findings> => {
  const kafka = await startKafka({ port: 0, brokers: 1, log: context.log, signal: context.signal })
  context.cleanup.add(() => kafka.stop())
  const samples: Sample[] = []
  for (let round = 0; round < options.rounds; round++)
    samples.push(...(await runRound(kafka.brokers, round, options, context)))
  return {
    rounds: options.rounds,
    rows: rowsOf(samples, columns),
    ratios: {},
    notes: [
      'memory for each is resident memory beyond that of the receiver with two backends, so with few backends it is mostly noise',
      'the killed active is a process of its own; p99 of few kills is the worst of them',
    ],
    samples,
  }
})

async function runRound(
  brokers: readonly string[],
  round: number,
  options: ReceiverBenchOptions,
  context: BenchContext,
): Promise<Sample[]> {
  const scene = await createScene(brokers, round, options, context)
  const samples: Sample[] = []
  try {
    for (const size of options.backends) {
      context.signal.throwIfAborted()
      const metrics = await measureSize(scene, size)
      const contender = `${size.toLocaleString('en')} backends`
      samples.push({ contender, round, metrics })
      context.say(`round ${round + 1}: ${contender}: decision p50 ${metrics.decisionP50!.toFixed(1)} ms`)
    }
    return samples
  } finally {
    await endScene(scene)
  }
}

async function createScene(
  brokers: readonly string[],
  round: number,
  options: ReceiverBenchOptions,
  context: BenchContext,
): Promise<Scene> {
  // A fleet that ends is thousands of lines, and not what is measured.
  const processes = new Processes({ log: context.log.child({}, { level: 'silent' }) })
  context.cleanup.add(() => processes.stopAll([['receiver']]))
  const place = ['--kafka', brokers.join(','), '--topic-prefix', `bench-receiver-${process.pid}-${round}`]
  const args = ['receiver', ...place, '--port', '0', '--log-level', 'info']
  const running = await processes.start({ name: 'receiver', args })
  const url = running.url!
  const follower = followDecisions({ receivers: [url], role: 'observer', name: 'bench', log: context.log })
  const started = victims.map(async (name) => [name, await startVictim(url, name)] as const)
  const fleet = await Promise.all(Array.from({ length: fleetProcesses }, (_, index) => startFleet(index)))
  const scene = {
    ...{ options, context, url, follower, fleet, receiver: running, emptyBytes: 0 },
    victims: new Map(await Promise.all(started)),
  }
  await killAll(scene, warmUpKills)
  return { ...scene, emptyBytes: await leastResident(running.pid) }
}

async function endScene({ follower, fleet, victims: running, receiver: process }: Scene): Promise<void> {
  follower.close()
  process.kill('SIGTERM')
  await process.exited
  await Promise.all([...fleet, ...running.values()].map((child) => child.stop()))
}

async function measureSize(scene: Scene, size: number): Promise<Metrics> {
  const { fleet, url, options, receiver: process, emptyBytes } = scene
  const standbys = size - victims.length
  const share = (index: number) => ({ receiver: url, size: Math.floor((standbys + index) / fleet.length) })
  const resized = await askFleet(fleet, share)
  mustHold(resized.connected === standbys, `${resized.connected} of ${standbys} are connected`)
  await pause(settleMs)
  const before = {
    cpuMs: await figure(processorTimeMs(process.pid)),
    answered: resized.answered,
    atMs: performance.now(),
  }
  await pause(options.seconds * 1_000)
  const cpuMs = await figure(processorTimeMs(process.pid))
  const passedMs = performance.now() - before.atMs
  const { answered } = await askFleet(fleet, share)
  const leastBytes = await leastResident(process.pid)
  const decisions = await killAll(scene, options.kills)
  return {
    cpuPercent: ((cpuMs - before.cpuMs) / passedMs) * 100,
    heartbeatsPerSecond: ((answered - before.answered) / passedMs) * 1_000,
    residentMiB: leastBytes / mebibyte,
    bytesPerBackend: Math.max(0, leastBytes - emptyBytes) / standbys,
    decisionP50: percentile(decisions, 0.5),
    decisionP99: percentile(decisions, 0.99),
  }
}

/** Resolves with the time from each kill to the decision that follows it, milliseconds. */
async function killAll(scene: Scene, kills: number): Promise<number[]> {
  const { follower, victims: running, url } = scene
  const tookMs: number[] = []
  for (let kill = 0; kill < kills; kill++) {
    scene.context.signal.throwIfAborted()
    const { name } = await activeVictim(scene)
    await pause(settleMs)
    const decided = nextDecision(follower)
    const beganMs = performance.now()
    running.get(name)!.kill('SIGKILL')
    const decision = await decided
    tookMs.push(decision.atMs - beganMs)
    mustHold(decision.name !== name, `${name} was named although it is dead`)
    running.set(name, await startVictim(url, name))
    await pause(settleMs)
  }
  return tookMs
}

async function nextDecision(follower: DecisionFollower): Promise<Decision & { atMs: number }> {
  try {
    const [decision] = await once(follower, 'decision', { signal: AbortSignal.timeout(decisionTimeoutMs) })
    return { ...decision, atMs: performance.now() }
  } catch (cause) {
    throw new BenchError('CONTENDER_WRONG', `nothing was decided within ${decisionTimeoutMs} ms`, cause)
  }
}

/** The victim that leads; a fleet may lead while it starts, as long as nobody else is there. */
async function activeVictim({ follower, victims: running }: Pick<Scene, 'follower' | 'victims'>): Promise<Decision> {
  const decision = follower.decision() ?? (await nextDecision(follower))
  mustHold(running.has(decision.name), `${decision.name} leads, and should not`)
  return decision
}

function startVictim(url: string, name: string): Promise<Child<object, { name: string }>> {
  return startChild(new URL('./victim-process.ts', import.meta.url), [url, name])
}

function startFleet(index: number): Promise<Child<FleetQuestion, FleetAnswer>> {
  return startChild(new URL('./fleet-process.ts', import.meta.url), [`fleet-${index}`])
}

async function askFleet(
  fleet: readonly Child<FleetQuestion, FleetAnswer>[],
  question: (index: number) => FleetQuestion,
): Promise<FleetAnswer> {
  const answers = await Promise.all(fleet.map((child, index) => child.ask(question(index), resizeTimeoutMs)))
  return {
    connected: answers.reduce((sum, { connected }) => sum + connected, 0),
    answered: answers.reduce((sum, { answered }) => sum + answered, 0),
  }
}

/** The least of some looks: what waits to be collected is not what is needed. */
async function leastResident(pid: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < 4; look++) {
    least = Math.min(least, await figure(residentBytes(pid)))
    await pause(sampleMs)
  }
  return least
}

/** A figure of the receiver, which is there for as long as it is measured. */
async function figure(read: Promise<number | undefined>): Promise<number> {
  const value = await read
  mustHold(value !== undefined, 'the receiver is gone, or this is no Linux')
  return value
}
