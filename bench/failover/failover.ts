/** `bench failover`: the pause, the errors and the doubled requests when the active dies, beside proxies that retry, or with states of several sizes. */
import { z } from 'zod'
import { textList } from '../../checkpoint/units.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { BenchError } from '../errors.ts'
import { orderOf } from '../harness.ts'
import { startCaddy, startHaproxy, startNginx } from '../peers/proxies.ts'
import type { Findings } from '../report.ts'
import { type Block, pauseRatio, rowsOfBlocks } from './observations.ts'
import { ourBlock } from './ours.ts'
import { peerBlock, silenceMs, type Traffic } from './peers.ts'

const keysMax = 9_999_999
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
  keys: textList
    .transform((texts, context) => texts.map((text) => keyCount(text, context)))
    .optional()
    .meta({
      description: 'sizes of the state, in keys of about 100 bytes, to compare with each other instead of with proxies',
    }),
})

function keyCount(text: string, context: { addIssue(issue: { code: 'custom'; message: string }): void }): number {
  const read = wholeNumber.min(0).max(keysMax).safeParse(text)
  if (read.success) return read.data
  context.addIssue({ code: 'custom', message: `expected numbers of keys up to ${keysMax}, such as 0,1000,1000000` })
  return z.NEVER
}
type FailoverOptions = z.output<typeof failoverOptions>

const traffic: Traffic = { ratePerSecond: 1_000, clients: 50 }
const ours = 'heartline'
const peers = [
  { key: 'nginx', name: 'nginx', start: startNginx },
  { key: 'haproxy', name: 'HAProxy', start: startHaproxy },
  { key: 'caddy', name: 'Caddy', start: startCaddy },
] as const
/** What a proxy is called that is told to repeat no POST: its errors are what that costs. */
const careful = (name: string) => `${name}, POST not repeated`

interface Run {
  readonly name: string
  run(kills: number): Promise<Block & { version?: string }>
}

export const failover = benchmark(failoverOptions, runFailover)

async function runFailover(options: FailoverOptions, context: BenchContext): Promise<Findings> {
  const { keys } = options
  const runs = runsOf(options, context)
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
        if (block.version) notes.set(name, block.version)
      } catch (error) {
        if (!(error instanceof BenchError) || error.code !== 'PEER_MISSING') throw error
        notes.set(name, error.message)
      }
    }
  }
  const ratios: Record<string, number> = {}
  for (const { key, one, other } of comparisonsOf(keys)) {
    const ratio = pauseRatio(blocks.get(one) ?? [], blocks.get(other) ?? [])
    if (ratio !== undefined) ratios[key] = ratio
  }
  return {
    rounds: options.rounds,
    rows: runs.flatMap(({ name }) => (blocks.has(name) ? rowsOfBlocks(name, blocks.get(name)!) : [])),
    ratios,
    notes: [...commonNotes(options), ...notes.values()],
    samples: [...blocks].map(([contender, all]) => ({ contender, blocks: all })),
  }
}

/** Ours beside the proxies; or, where `--keys` is given, ours beside itself with states of these sizes. */
function runsOf({ keys, signal }: FailoverOptions, context: BenchContext): Run[] {
  const own = (name: string, count: number): Run => ({
    name,
    run: (kills) => ourBlock(kills, signal, traffic, count, context.signal),
  })
  if (keys) return [...new Set(keys)].map((count) => own(nameOf(count), count))
  const others = peers.flatMap(({ name, start }): Run[] =>
    [true, false].map((repeatsPost) => ({
      name: repeatsPost ? name : careful(name),
      run: async (kills) => {
        const block = await peerBlock({ start, repeatsPost }, kills, signal, traffic, context)
        const told = repeatsPost ? 'told to repeat POST too' : 'told to repeat no POST'
        return { ...block, version: `${block.version}, ${told}; two stateless servers` }
      },
    })),
  )
  return [own(ours, 0), ...others]
}

function nameOf(keys: number): string {
  return `${ours}, ${keys.toLocaleString('en-US')} keys`
}

/** Whose pause is divided by whose: `other` over `one`. */
function comparisonsOf(keys: readonly number[] | undefined): { key: string; one: string; other: string }[] {
  if (!keys) return peers.map(({ key, name }) => ({ key, one: ours, other: name }))
  const [fewest, most] = [Math.min(...keys), Math.max(...keys)]
  return fewest === most ? [] : [{ key: 'manyKeys', one: nameOf(most), other: nameOf(fewest) }]
}

function commonNotes({ signal, keys }: FailoverOptions): string[] {
  const notes = [
    `open loop, ${traffic.ratePerSecond} requests/s, half of them writes, ${traffic.clients} connections; ${signal}`,
    'pause: longest time between two successive good answers of any clients around a failure',
  ]
  if (keys)
    return [
      ...notes,
      'keys of about 100 bytes, there before the first backend comes, asked for again at the end; every answer is checked too',
      'manyKeys: pause with the fewest keys over the pause with the most; at least 0.77 is within 1.3 x',
    ]
  return [
    ...notes,
    'heartline keeps state, one server serves, and every answer is checked against what is there at the end; the proxies keep none, and their other server goes on answering all the while',
    ...(signal === 'SIGSTOP' ? [`the proxies give a silent server ${silenceMs} ms`] : []),
  ]
}

/** How many of `all` fall into this round, as even as can be. */
function share(all: number, rounds: number, round: number): number {
  return Math.floor(((round + 1) * all) / rounds) - Math.floor((round * all) / rounds)
}
