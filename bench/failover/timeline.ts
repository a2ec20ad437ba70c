/** `bench timeline`: where the time of a failover goes, step by step, by the log lines of all processes. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type Cluster, startCluster } from '../../compose/cluster.ts'
import { askBackends, isReadyStandby, until } from '../../compose/demo-watch.ts'
import { unixNowMs } from '../../compose/load/clock.ts'
import { LoadThread } from '../../compose/load/load-thread.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import type { Findings } from '../report.ts'
import { spread } from '../statistics.ts'
import { stepsOf, type TimedLine } from './timeline-steps.ts'

const kills = z.coerce.number('expected a whole number').int('expected a whole number').min(1).max(1_000).default(20)

export const timelineOptions = commonOptions.omit({ rounds: true }).extend({
  kills: kills.meta({ description: 'how often the active is killed' }),
})

const backends = 3
const traffic = { rate: 1_000, clients: 50, writeRatio: 0.5, seed: 1, keys: false, timeoutMs: 30_000 }
/** Load before the first failure, between a recovery and the next one, and after each. Milliseconds. */
const calmMs = 1_000
const joinTimeoutMs = 30_000

export const timeline = benchmark(timelineOptions, async (options, context) => {
  const lines: TimedLine[] = []
  const log = context.log.child({}, { level: 'fatal' }) // each kill is an error to everybody
  const cluster = await startCluster({
    ...{ backends, ports: 'free', token: '', logLevel: 'debug', log, signal: context.signal },
    topicPrefix: `timeline-${randomBytes(4).toString('hex')}`,
    onLine: (process, line) => void lines.push({ process, line }),
  })
  context.cleanup.add(() => cluster.stop())
  const load = new LoadThread({ ...traffic, target: cluster.balancerUrl, durationMs: Number.POSITIVE_INFINITY })
  context.cleanup.add(() => load.terminate())
  const failovers: Map<string, number>[] = []
  for (let kill = 0; kill < options.kills; kill++) {
    await untilReady(cluster, context)
    await sleep(calmMs)
    lines.length = 0
    failovers.push(await failOnce(cluster, load, lines))
  }
  return findingsOf(failovers)
})

async function failOnce(cluster: Cluster, load: LoadThread, lines: TimedLine[]): Promise<Map<string, number>> {
  const active = (await askBackends(cluster.receiverHttp)).find((backend) => backend.active)!
  const { epoch } = load.progress
  const process = cluster.processes.get(active.name)!
  const fromMs = unixNowMs()
  process.kill('SIGKILL')
  await sleep(calmMs)
  const found = stepsOf(lines, fromMs)
  const first = load.firstAbove(epoch)
  if (first) found.set('client: first answer', first.atMs - fromMs)
  found.set('client: pause', load.pauseMs(fromMs, fromMs + calmMs))
  await process.exited
  await cluster.processes.restart(active.name)
  return found
}

function untilReady(cluster: Cluster, { signal }: BenchContext): Promise<unknown> {
  const ready = async () => {
    const views = await askBackends(cluster.receiverHttp)
    return views.some(({ active, phase }) => active && phase === 'active') && views.filter(isReadyStandby).length
  }
  return until(async () => (await ready()) === backends - 1, {
    ...{ what: 'an active and all standbys', timeoutMs: joinTimeoutMs, signal },
  })
}

function findingsOf(failovers: readonly Map<string, number>[]): Findings {
  const titles = new Set(failovers.flatMap((found) => [...found.keys()]))
  const rows = [...titles].map((name) => {
    const values = failovers.map((found) => found.get(name)).filter((value) => value !== undefined)
    return { name, unit: 'ms', ...spread(values) }
  })
  return {
    rounds: failovers.length,
    rows: rows.sort((left, right) => left.median - right.median),
    ratios: {},
    notes: [
      'milliseconds since kill -9, in the order of the medians; a step is when its line was written, at level debug',
      `${traffic.rate} requests/s, half of them writes, ${traffic.clients} connections`,
    ],
    samples: failovers.map((found) => Object.fromEntries(found)),
  }
}
