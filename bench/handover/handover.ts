/** `bench handover`: what clients notice of planned moves: handovers, and restarts of every kind of process, under load. */
import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { z } from 'zod'
import { type Cluster, startCluster } from '../../compose/cluster.ts'
import { LoadThread, type LoadThreadResult } from '../../compose/load/load-thread.ts'
import { type Move, Moves, moveKinds } from '../../compose/moves.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { BenchError } from '../errors.ts'
import type { Findings, Row } from '../report.ts'
import { percentile, spread } from '../statistics.ts'

const count = z.coerce.number('expected a whole number').int('expected a whole number').min(0).max(1_000)

export const handoverOptions = commonOptions.extend({
  rounds: count.min(1).default(1).meta({ description: 'how often all of it is started afresh' }),
  handovers: count.default(20).meta({ description: 'planned handovers of each round' }),
  restarts: count.default(3).meta({ description: 'restarts of every process in each round' }),
  rate: z.coerce.number('expected requests per second').positive().max(100_000).default(1_000).meta({
    description: 'requests per second, half of them writes',
  }),
})
type HandoverOptions = z.output<typeof handoverOptions>

const clients = 50
const answerTimeoutMs = 30_000

export const handover = benchmark(handoverOptions, runHandovers)

interface Round {
  readonly moves: readonly Move[]
  readonly report: LoadThreadResult['report']
}

async function runHandovers(options: HandoverOptions, context: BenchContext): Promise<Findings> {
  const rounds: Round[] = []
  for (let round = 0; round < options.rounds; round++) rounds.push(await runRound(options, context))
  const moves = rounds.flatMap((round) => round.moves)
  const total = (name: string, unit: string, of: (report: Round['report']) => number): Row => {
    const value = rounds.reduce((all, { report }) => all + of(report), 0)
    return { name: `${name}, in all`, unit, median: value, min: value, max: value }
  }
  return {
    rounds: options.rounds,
    rows: [
      ...moveKinds.flatMap((kind) => rowsOf(kind, moves)),
      total('errors', 'requests', ({ errors }) => Object.values(errors).reduce((all, one) => all + one, 0)),
      total('lost', 'changes', ({ lost }) => lost),
      total('run twice', 'requests', ({ doubled }) => doubled),
      total('requests', 'requests', ({ requests }) => requests),
    ],
    ratios: {},
    notes: [
      `open loop, ${options.rate} requests/s, half of them writes, ${clients} connections; 3 backends, 2 receivers, 2 balancers, 1 broker`,
      'pause: longest time between two successive good answers of any clients while a move lasted; a restarted process starts within it',
      ...rounds.map(({ report }) => `errors by code: ${JSON.stringify(report.errors)}`),
      'took: from the request to the new active being ready, as the receiver has it',
    ],
    samples: rounds,
  }
}

function rowsOf(kind: Move['kind'], moves: readonly Move[]): Row[] {
  const ofKind = moves.filter((move) => move.kind === kind)
  if (ofKind.length === 0) return []
  const pauses = ofKind.map(({ pauseMs }) => pauseMs)
  const took = ofKind.flatMap(({ tookMs }) => tookMs ?? [])
  const p99 = percentile(pauses, 0.99)
  return [
    { name: `${kind}: pause`, unit: 'ms', ...spread(pauses) },
    { name: `${kind}: pause p99`, unit: 'ms', median: p99, min: p99, max: p99 },
    ...(took.length === 0 ? [] : [{ name: `${kind}: took`, unit: 'ms', ...spread(took) }]),
  ]
}

async function runRound({ handovers, restarts, rate }: HandoverOptions, context: BenchContext): Promise<Round> {
  const { signal, cleanup, say } = context
  const cluster = await startCluster({
    ...{ backends: 3, receivers: 2, balancers: 2, ports: 'free', signal },
    log: pino({ level: 'silent' }), // what is planned is no news,
    topicPrefix: `bench-${randomBytes(4).toString('hex')}`,
    token: '', // all of it listens on loopback only
  })
  cleanup.add(() => cluster.stop())
  const load = new LoadThread({
    ...{ target: cluster.balancerUrls, rate, clients, writeRatio: 0.5, seed: 1, keys: false },
    ...{ durationMs: Number.POSITIVE_INFINITY, timeoutMs: answerTimeoutMs },
  })
  cleanup.add(() => load.terminate())
  const moves = await Promise.race([
    load.failed(),
    moveAll(new Moves(cluster, load, signal), cluster, { handovers, restarts }, say),
  ])
  const { report, readBackError } = await load.stop()
  if (readBackError !== undefined) throw new BenchError('LOAD_FAILED', `nothing could be verified: ${readBackError}`)
  await cluster.stop()
  return { moves, report }
}

async function moveAll(
  moves: Moves,
  { balancers, receivers, backends }: Cluster,
  { handovers, restarts }: Pick<HandoverOptions, 'handovers' | 'restarts'>,
  say: (line: string) => void,
): Promise<Move[]> {
  const done: Move[] = []
  const note = (move: Move) => {
    const took = move.tookMs === null ? '' : `, took ${move.tookMs.toFixed(1)} ms`
    say(`${move.kind}, ${move.process}: pause ${move.pauseMs.toFixed(1)} ms${took}`)
    done.push(move)
  }
  for (let turn = 0; turn < handovers; turn++) note(await moves.handOver())
  for (let turn = 0; turn < restarts; turn++)
    for (const name of [...balancers, ...receivers, ...backends]) note(await moves.restart(name))
  return done
}
