/** `bench failover`: the pause, the errors and the doubled requests when the active dies, beside proxies that retry. */
import { z } from 'zod'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { BenchError } from '../errors.ts'
import { orderOf } from '../harness.ts'
import { findProgram } from '../peers/installed.ts'
import type { Findings } from '../report.ts'
import { type Block, pauseRatio, rowsOfBlocks } from './observations.ts'
import { ourBlock } from './ours.ts'
import { peerBlock, type Traffic } from './peers.ts'
import { silenceMs, startHaproxy, startNginx } from './proxies.ts'

const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')

export const failoverOptions = commonOptions.extend({
  rounds: wholeNumber
    .min(1)
    .max(100)
    .default(2)
    .meta({ description: 'in how many interleaved stretches of load the failovers happen' }),
  kills: wholeNumber
    .min(1)
    .max(1_000)
    .default(20)
    .meta({ description: 'failovers of each contender, over all rounds' }),
  signal: z
    .enum(['SIGKILL', 'SIGSTOP'])
    .default('SIGKILL')
    .meta({ description: 'SIGKILL kills a server; SIGSTOP makes it hang for two seconds' }),
})
type FailoverOptions = z.output<typeof failoverOptions>

const traffic: Traffic = { ratePerSecond: 1_000, clients: 50 }
const ours = 'heartline'
const peers = [
  { key: 'nginx', name: 'nginx', start: startNginx },
  { key: 'haproxy', name: 'HAProxy', start: startHaproxy },
] as const

export const failover = benchmark(failoverOptions, runFailover)

async function runFailover(options: FailoverOptions, context: BenchContext): Promise<Findings> {
  const runs: { name: string; run: (kills: number) => Promise<Block & { version?: string }> }[] = [
    { name: ours, run: (kills) => ourBlock(kills, options.signal, traffic, context.signal) },
    ...peers.map(({ name, start }) => ({
      name,
      run: (kills: number) => peerBlock(start, kills, options.signal, traffic, context),
    })),
  ]
  const blocks = new Map<string, Block[]>()
  const notes = new Map<string, string>()
  for (let round = 0; round < options.rounds; round++) {
    const kills = share(options.kills, options.rounds, round)
    if (kills === 0) continue
    for (const { name, run } of orderOf(runs, round)) {
      if (notes.has(name) && !blocks.has(name)) continue // not installed
      context.signal.throwIfAborted()
      context.say(`round ${round + 1}: ${name}, ${kills} times ${options.signal}`)
      try {
        const block = await run(kills)
        blocks.set(name, [...(blocks.get(name) ?? []), block])
        if (block.version) notes.set(name, `${block.version}, told to repeat POST too; two stateless servers`)
      } catch (error) {
        if (!(error instanceof BenchError) || error.code !== 'PEER_MISSING') throw error
        notes.set(name, error.message)
      }
    }
  }
  const ratios: Record<string, number> = {}
  for (const { key, name } of peers) {
    const ratio = pauseRatio(blocks.get(ours) ?? [], blocks.get(name) ?? [])
    if (ratio !== undefined) ratios[key] = ratio
  }
  return {
    rounds: options.rounds,
    rows: runs.flatMap(({ name }) => (blocks.has(name) ? rowsOfBlocks(name, blocks.get(name)!) : [])),
    ratios,
    notes: [...commonNotes(options), ...notes.values(), await caddyNote()],
    samples: [...blocks].map(([contender, all]) => ({ contender, blocks: all })),
  }
}

function commonNotes({ signal }: FailoverOptions): string[] {
  return [
    `open loop, ${traffic.ratePerSecond} requests/s, half of them writes, ${traffic.clients} connections; ${signal}`,
    'pause: longest time between two successive good answers of any clients around a failure',
    'heartline keeps state, one server serves, and every answer is checked against what is there at the end; the proxies keep none, and their other server goes on answering all the while',
    ...(signal === 'SIGSTOP' ? [`the proxies give a silent server ${silenceMs} ms`] : []),
  ]
}

async function caddyNote(): Promise<string> {
  const found = await findProgram('caddy')
  return found === undefined
    ? 'caddy is not installed here (no caddy); left out'
    : 'caddy is not measured yet; left out'
}

/** How many of `all` fall into this round, as even as can be. */
function share(all: number, rounds: number, round: number): number {
  return Math.floor(((round + 1) * all) / rounds) - Math.floor((round * all) / rounds)
}
