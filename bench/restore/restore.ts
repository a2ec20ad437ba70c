/** `bench restore`: how long a cold start takes, from a snapshot and the tail of the journal, beside a bare consumer of the same bytes. */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { startKafka } from '../../compose/kafka/kafka.ts'
import { kafkaVersion } from '../../compose/kafka/runtime.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { startChild } from '../child.ts'
import { mustHold } from '../errors.ts'
import { type Column, type Contender, type Metrics, rowsOf, runRounds, valuesOf } from '../harness.ts'
import { endOffset } from '../kafka-topics.ts'
import type { Findings } from '../report.ts'
import { pairedRatio } from '../statistics.ts'
import type { Seen } from './bare-process.ts'
import type { Go, Measured } from './measured.ts'
import type { Prepared } from './prepare-process.ts'
import type { StateSum } from './state-sum.ts'

const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')

export const restoreOptions = commonOptions.extend({
  keys: wholeNumber
    .min(1)
    .max(9_999_999)
    .default(1_000_000)
    .meta({ description: 'keys of about 100 bytes in the snapshot' }),
  tail: wholeNumber.min(1).max(10_000_000).default(100_000).meta({ description: 'commits after the snapshot' }),
})
type RestoreOptions = z.output<typeof restoreOptions>

const mebibyte = 1024 * 1024
const ours = 'checkpoint'
const bare = 'bare kafkajs consumer'
/** Preparing writes commit by commit. */
const prepareBaseMs = 120_000
const prepareMsPerCommit = 20
const restoreTimeoutMs = 300_000

const columns: readonly Column[] = [
  { metric: 'recordsPerSecond', title: '', unit: 'records/s' },
  { metric: 'mebibytesPerSecond', title: 'data read', unit: 'MiB/s' },
  { metric: 'tookMs', title: 'time', unit: 'ms' },
  { metric: 'heldMs', title: 'longest hold of the event loop', unit: 'ms' },
  { metric: 'cpuMs', title: 'processor time', unit: 'ms' },
  { metric: 'residentMiB', title: 'resident memory', unit: 'MiB' },
  { metric: 'peakMiB', title: 'most resident memory', unit: 'MiB' },
  { metric: 'externalMiB', title: 'memory outside the heap', unit: 'MiB' },
  { metric: 'heapMiB', title: 'heap', unit: 'MiB' },
]

export const restore = benchmark(restoreOptions, runRestore)

interface Place {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly options: RestoreOptions
  readonly prepared: Prepared
  /** Known once the bare consumer was validated, which comes first. */
  tailBytes: number
}

async function runRestore(options: RestoreOptions, context: BenchContext): Promise<Findings> {
  const kafka = await startKafka({ port: 0, brokers: 1, log: context.log, signal: context.signal })
  context.cleanup.add(() => kafka.stop())
  const { brokers } = kafka
  const topic = `bench-${randomBytes(4).toString('hex')}.journal.0`
  context.say(`writing ${options.keys} keys, a snapshot, and ${options.tail} commits one by one`)
  const prepared = await prepare(brokers, topic, options, context)
  const place: Place = { brokers, topic, options, prepared, tailBytes: 0 }
  const samples = await runRounds([bareContender(place), ourContender(place)], options.rounds, {
    signal: context.signal,
    onSample: ({ contender, round, metrics }) =>
      context.say(`round ${round + 1}: ${contender}: ${Math.round(metrics.tookMs!)} ms`),
  })
  const dataMiB = prepared.state.bytes / mebibyte
  const rates = [ours, bare].map((name) => valuesOf(samples, name, 'recordsPerSecond')) as [number[], number[]]
  return {
    rounds: options.rounds,
    rows: [
      ...rowsOf(samples, columns),
      { name: 'bare data: keys and JSON texts', unit: 'MiB', median: dataMiB, min: dataMiB, max: dataMiB },
    ],
    ratios: { bareConsumer: pairedRatio(...rates) },
    notes: [
      `Kafka ${kafkaVersion}, one broker, group.initial.rebalance.delay.ms=0; a fresh process each time, from its being ready to the last record`,
      `${prepared.state.keys} keys in ${prepared.chunks.length} chunks of ${megabytes(prepared.chunkBytes)}, then ${options.tail} commits of ${megabytes(place.tailBytes)}; records are keys and commits`,
      'checkpoint: the start of a backend, its connecting, its joining of a consumer group for the snapshots and one for the journal, and checking all checksums included; its state is compared after each',
      'bare kafkajs consumer: connects, joins one group, is given the same bytes, and does nothing with them',
      'memory is that after a collection; the most resident is that of before',
    ],
    samples,
  }
}

async function prepare(
  brokers: readonly string[],
  topic: string,
  { keys, tail }: RestoreOptions,
  { cleanup }: BenchContext,
): Promise<Prepared> {
  const args = [brokers.join(','), topic, `${keys}`, `${tail}`]
  const timeoutMs = prepareBaseMs + tail * prepareMsPerCommit
  const child = await startChild<string, Prepared>(module('prepare'), args, [], timeoutMs)
  cleanup.add(() => child.stop())
  await child.stop()
  mustHold(child.first.state.keys === keys, `${child.first.state.keys} keys were written, not ${keys}`)
  return child.first
}

function ourContender(place: Place): Contender {
  type Restored = Measured & { state: StateSum; offset: number }
  return contender(ours, 'restoring', [], place, ({ state, offset }: Restored, go) => {
    const wanted = place.prepared.state
    mustHold(
      state.keys === wanted.keys && state.sum === wanted.sum,
      `the state restored has ${state.keys} keys that come to ${state.sum}, not ${wanted.keys} that come to ${wanted.sum}`,
    )
    mustHold(offset >= go.journalEnd, `it caught up at ${offset}, and the journal ended at ${go.journalEnd}`)
  })
}

function bareContender(place: Place): Contender {
  type Read = Measured & Seen
  return contender(bare, 'bare', [JSON.stringify(place.prepared)], place, (read: Read, go) => {
    const { chunks, commits, commitBytes } = read
    const { prepared } = place
    place.tailBytes = commitBytes
    const records = go.journalEnd - prepared.tailStart
    mustHold(chunks === prepared.chunks.length, `it got ${chunks} chunks, not ${prepared.chunks.length}`)
    mustHold(commits === records, `it got ${commits} records of the journal, not ${records}`)
  })
}

function contender<Told extends Measured>(
  name: string,
  which: string,
  more: readonly string[],
  place: Place,
  check: (told: Told, go: Go) => void,
): Contender {
  const { brokers, topic } = place
  const run = async () => {
    const args = [brokers.join(','), topic, ...more]
    const child = await startChild<Go, Told | string>(module(which), args, ['--expose-gc'])
    try {
      const go = { journalEnd: await endOffset(brokers, topic) }
      const told = (await child.ask(go, restoreTimeoutMs)) as Told
      check(told, go)
      return metricsOf(told, place)
    } finally {
      await child.stop()
    }
  }
  return { name, validate: async () => void (await run()), measure: run }
}

function metricsOf(told: Measured, { prepared, options, tailBytes }: Place): Metrics {
  const seconds = told.tookMs / 1_000
  return {
    recordsPerSecond: (prepared.state.keys + options.tail) / seconds,
    mebibytesPerSecond: (prepared.chunkBytes + tailBytes) / mebibyte / seconds,
    tookMs: told.tookMs,
    heldMs: told.heldMs,
    cpuMs: told.cpuMs,
    residentMiB: told.residentBytes / mebibyte,
    peakMiB: told.peakBytes / mebibyte,
    externalMiB: told.externalBytes / mebibyte,
    heapMiB: told.heapBytes / mebibyte,
  }
}

function module(name: string): URL {
  return new URL(`./${name}-process.ts`, import.meta.url)
}

function megabytes(bytes: number): string {
  return `${(bytes / mebibyte).toFixed(1)} MiB`
}
