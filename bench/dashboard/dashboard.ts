/** `bench dashboard`: how smooth the page is with many backends, and what the dashboards that are open cost the receiver. */
import { mkdtemp, rm } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { processorTimeMs } from '../../compose/process-figures.ts'
import { type ManagedProcess, Processes } from '../../compose/processes.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { type Child, startChild } from '../child.ts'
import { mustHold } from '../errors.ts'
import { type Column, type Metrics, orderOf, rowsOf, type Sample } from '../harness.ts'
import type { FleetAnswer, FleetQuestion } from '../receiver/fleet-process.ts'
import type { Findings } from '../report.ts'
import { percentile } from '../statistics.ts'
import { type Browser, findChromium, measureFrames } from './frames.ts'

const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')

export const dashboardOptions = commonOptions.extend({
  rounds: commonOptions.shape.rounds.unwrap().default(3).meta(commonOptions.shape.rounds.meta()!),
  backends: wholeNumber
    .min(2)
    .max(1_000)
    .default(200)
    .meta({ description: 'backends, each with 10 heartbeats a second' }),
  dashboards: wholeNumber.min(1).max(30).default(10).meta({ description: 'dashboards that are open at a time' }),
  seconds: wholeNumber.min(1).max(120).default(20).meta({ description: 'how long each measurement takes' }),
})
type DashboardOptions = z.output<typeof dashboardOptions>

const resizeTimeoutMs = 60_000
/** Connections are opened or closed, caches filled, what is left over collected. */
const settleMs = 2_000

const columns: readonly Column[] = [
  { metric: 'frameMedianMs', title: 'frame time, median', unit: 'ms' },
  { metric: 'frameP95Ms', title: 'frame time, p95', unit: 'ms' },
  { metric: 'framesPerSecond', title: 'frames', unit: '1/s' },
  { metric: 'cpuPercent', title: "receiver's CPU", unit: '% of a core' },
  { metric: 'addedPercent', title: 'on top of the receiver alone', unit: '% of its processor time' },
  { metric: 'kibibytesPerSecond', title: 'sent to each', unit: 'KiB/s' },
]

interface Scene {
  readonly options: DashboardOptions
  readonly context: BenchContext
  readonly receiver: ManagedProcess
  readonly url: string
}

export const dashboard = benchmark(dashboardOptions, async (options, context): Promise<Findings> => {
  const scene = await createScene(options, context)
  const { browser, missing } = await findChromium(context)
  const samples: Sample[] = []
  for (let round = 0; round < options.rounds; round++) {
    samples.push(...(await measureCost(scene, round)))
    if (browser) samples.push(await measurePage(scene, browser, round))
  }
  return {
    rounds: options.rounds,
    rows: rowsOf(samples, columns),
    ratios: {},
    notes: [
      ...(missing === undefined ? [] : [missing]),
      "frame times are those between a page's animation frames, in a Chromium without a screen; it draws on processor cores, not on a graphics card",
      'with no dashboard open nothing of the board is computed; each round measures both, in turn',
    ],
    samples,
  }
})

async function createScene(options: DashboardOptions, context: BenchContext): Promise<Scene> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-bench-dashboard-'))
  context.cleanup.add(() => rm(directory, { recursive: true, force: true }))
  const processes = new Processes({ log: context.log.child({}, { level: 'silent' }) })
  context.cleanup.add(() => processes.stopAll([['receiver']]))
  const args = ['receiver', '--kafka', `file:${directory}`, '--port', '0', '--heartbeat', '100ms']
  const receiver = await processes.start({ name: 'receiver', args })
  const fleet: Child<FleetQuestion, FleetAnswer> = await startChild(
    new URL('../receiver/fleet-process.ts', import.meta.url),
    ['backend'],
  )
  context.cleanup.add(() => fleet.stop())
  const { connected } = await fleet.ask({ receiver: receiver.url!, size: options.backends }, resizeTimeoutMs)
  mustHold(connected === options.backends, `${connected} of ${options.backends} backends are connected`)
  return { options, context, receiver, url: receiver.url!.replace(/^ws/, 'http') }
}

/** The receiver's processor time with no dashboard and with all of them, in another order each round. */
async function measureCost(scene: Scene, round: number): Promise<Sample[]> {
  const { dashboards } = scene.options
  const measured = new Map<number, Metrics>()
  for (const open of orderOf([0, dashboards], round)) measured.set(open, await measureOpen(scene, open))
  const alone = measured.get(0)!
  const watched = measured.get(dashboards)!
  const addedPercent = (watched.cpuPercent! / alone.cpuPercent! - 1) * 100
  scene.context.say(
    `round ${round + 1}: ${dashboards} dashboards add ${addedPercent.toFixed(1)} % to the receiver's CPU time`,
  )
  return [
    { contender: 'no dashboard', round, metrics: alone },
    { contender: `${dashboards} dashboards`, round, metrics: { ...watched, addedPercent } },
  ]
}

async function measureOpen({ url, options, receiver, context }: Scene, open: number): Promise<Metrics> {
  const clients = await Promise.all(Array.from({ length: open }, () => openStream(`${url}/api/board/events`)))
  try {
    await pause(settleMs, undefined, { signal: context.signal })
    const before = { cpuMs: await cpuOf(receiver), bytes: bytesOf(clients), atMs: performance.now() }
    await pause(options.seconds * 1_000, undefined, { signal: context.signal })
    const passedMs = performance.now() - before.atMs
    const cpuPercent = (((await cpuOf(receiver)) - before.cpuMs) / passedMs) * 100
    if (open === 0) return { cpuPercent }
    mustHold(
      clients.every(({ response }) => !response.destroyed),
      'a dashboard was let go',
    )
    const bytes = (bytesOf(clients) - before.bytes) / open
    mustHold(bytes > 0, 'the dashboards were told nothing')
    return { cpuPercent, kibibytesPerSecond: bytes / 1_024 / (passedMs / 1_000) }
  } finally {
    for (const { response } of clients) response.destroy()
  }
}

interface StreamClient {
  readonly response: IncomingMessage
  bytes: number
}

/** A dashboard as far as the receiver is concerned: it reads what it is told. */
function openStream(url: string): Promise<StreamClient> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`${url} answers ${response.statusCode}`))
      const client = { response, bytes: 0 }
      response.on('data', (chunk: Buffer) => {
        client.bytes += chunk.length
      })
      response.on('error', () => undefined) // it is closed by ourselves, in the middle of the stream
      resolve(client)
    }).once('error', reject)
  })
}

function bytesOf(clients: readonly StreamClient[]): number {
  return clients.reduce((sum, { bytes }) => sum + bytes, 0)
}

async function measurePage(scene: Scene, browser: Browser, round: number): Promise<Sample> {
  const { url, options, context } = scene
  const frames = await measureFrames(browser, url, options, context.signal)
  const frameMedianMs = percentile(frames, 0.5)
  const frameP95Ms = percentile(frames, 0.95)
  context.say(`round ${round + 1}: frame time p95 ${frameP95Ms.toFixed(1)} ms`)
  const framesPerSecond = frames.length / options.seconds
  return {
    contender: `page with ${options.backends} backends`,
    round,
    metrics: { frameMedianMs, frameP95Ms, framesPerSecond },
  }
}

async function cpuOf({ pid }: ManagedProcess): Promise<number> {
  const cpuMs = await processorTimeMs(pid)
  mustHold(cpuMs !== undefined, 'the receiver is gone, or this is no Linux')
  return cpuMs
}
