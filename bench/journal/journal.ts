/** `bench journal`: transactions beside Kafka's own producer performance tool, and a lone commit beside a bare append. */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { startKafka } from '../../compose/kafka/kafka.ts'
import { type KafkaRuntime, kafkaVersion, prepareKafka } from '../../compose/kafka/runtime.ts'
import { type BenchContext, benchmark, commonOptions } from '../benchmark.ts'
import { type Child, startChild } from '../child.ts'
import { mustHold } from '../errors.ts'
import { type Contender, type Metrics, rowsOf, runRounds, valuesOf } from '../harness.ts'
import { createTopic, deleteTopic, endOffset } from '../kafka-topics.ts'
import type { Findings } from '../report.ts'
import { median, pairedRatio, percentile } from '../statistics.ts'
import { runJavaProducer } from './java-producer.ts'
import type { Done, Order } from './transactor.ts'

const valueBytes = 100
/** How many records the run that finds the Java producer's pace sends. */
const calibrationRecords = 500_000
const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')

export const journalOptions = commonOptions.extend({
  seconds: wholeNumber.min(1).max(600).default(6).meta({ description: 'length of each measurement of a rate' }),
  warmUpSeconds: wholeNumber
    .min(1)
    .max(60)
    .default(3)
    .meta({ description: 'the same before it, not counted', flag: 'warm-up' }),
  outstanding: wholeNumber.min(1).max(15_000).default(2_500).meta({ description: 'transactions under way at a time' }),
  appends: wholeNumber.min(10).max(1_000_000).default(2_000).meta({ description: 'lone commits of each measurement' }),
})
type JournalBenchOptions = z.output<typeof journalOptions>

const names = {
  ours: 'checkpoint.transact, many under way',
  javaDefault: 'Java producer, default batch and linger',
  javaTuned: 'Java producer, batch.size 131072, linger.ms 5',
  loneCommit: 'a lone checkpoint.transact',
  bareAppend: 'a bare kafkajs append',
} as const

export const journal = benchmark(journalOptions, runJournal)

async function runJournal(options: JournalBenchOptions, context: BenchContext): Promise<Findings> {
  context.say('starting Kafka')
  const { log, signal, cleanup } = context
  const kafka = await startKafka({ port: 0, brokers: 1, log, signal })
  cleanup.add(() => kafka.stop())
  const bench = new JournalBench(options, kafka.brokers, await prepareKafka(log, signal), context)
  const contenders = await bench.contenders()
  const samples = await runRounds(contenders, options.rounds, {
    signal,
    onSample: ({ contender, round, metrics }) => {
      const value = metrics.rate === undefined ? `${metrics.p50Ms!.toFixed(3)} ms` : `${Math.round(metrics.rate)}/s`
      context.say(`round ${round + 1}: ${contender}: ${value}`)
    },
  })
  const rates = (name: string) => valuesOf(samples, name, 'rate')
  // The better of the two settings, to be fair.
  const better = median(rates(names.javaTuned)) > median(rates(names.javaDefault)) ? names.javaTuned : names.javaDefault
  const p50 = (name: string) => valuesOf(samples, name, 'p50Ms')
  return {
    rounds: options.rounds,
    rows: rowsOf(samples, [
      { metric: 'rate', title: '', unit: 'records/s' },
      { metric: 'cpuUs', title: 'processor time', unit: 'µs/transaction' },
      { metric: 'group', title: 'transactions in a record', unit: 'transactions' },
      { metric: 'p50Ms', title: 'p50', unit: 'ms' },
      { metric: 'p99Ms', title: 'p99', unit: 'ms' },
    ]),
    ratios: {
      javaProducer: pairedRatio(rates(names.ours), rates(better)),
      javaProducerDefault: pairedRatio(rates(names.ours), rates(names.javaDefault)),
      bareAppend: pairedRatio(p50(names.bareAppend), p50(names.loneCommit)),
    },
    notes: [
      `Kafka ${kafkaVersion}, one broker, acks=all, ${valueBytes}-byte values, no compression; one transaction counts as one record`,
      `the ratio javaProducer is over the better of the tool's two settings, this time: ${better}; javaProducerDefault over the tool as it comes`,
      `${options.outstanding} transactions under way; checkpoint packs those that wait together into one Kafka record`,
      'every transaction is run, applied to the maps and acknowledged; a second process read the journal and had the same state',
    ],
    samples,
  }
}

class JournalBench {
  readonly #options: JournalBenchOptions
  readonly #brokers: readonly string[]
  readonly #runtime: KafkaRuntime
  readonly #context: BenchContext
  #javaRate = 0

  constructor(options: JournalBenchOptions, brokers: readonly string[], runtime: KafkaRuntime, context: BenchContext) {
    this.#options = options
    this.#brokers = brokers
    this.#runtime = runtime
    this.#context = context
  }

  async contenders(): Promise<Contender[]> {
    const java = (name: string, settings: Record<string, string>): Contender => ({
      name,
      validate: () => this.#calibrate(settings),
      measure: () => this.#measureJava(settings),
    })
    const transactor = await this.#start('transactor', ['lead'])
    const appender = await this.#start('bare-appender', [])
    return [
      { name: names.ours, validate: () => this.#sameState(transactor), measure: () => this.#flood(transactor) },
      java(names.javaDefault, {}),
      java(names.javaTuned, { 'batch.size': '131072', 'linger.ms': '5' }),
      { name: names.loneCommit, validate: () => this.#lands(transactor), measure: () => this.#lone(transactor.child) },
      { name: names.bareAppend, validate: () => this.#lands(appender), measure: () => this.#lone(appender.child) },
    ]
  }

  async #start(module: 'transactor' | 'bare-appender', args: readonly string[]): Promise<Started> {
    const topic = newTopic()
    await createTopic(this.#brokers, topic)
    const path = new URL(`./${module}.ts`, import.meta.url)
    const child = await startChild<Order, Done>(path, [this.#brokers.join(','), topic, ...args])
    this.#context.cleanup.add(() => child.stop())
    return { child, topic }
  }

  async #flood({ child, topic }: Started, seconds = this.#options.seconds): Promise<Metrics> {
    const { outstanding, warmUpSeconds } = this.#options
    const before = await endOffset(this.#brokers, topic)
    const [warmUpMs, durationMs] = [warmUpSeconds * 1_000, seconds * 1_000]
    const order = { type: 'flood', outstanding, warmUpMs, durationMs, valueBytes } as const
    const done = await child.ask(order, warmUpMs + durationMs + 30_000)
    if (done.type !== 'flooded') throw new Error('assertion: a flood is answered by its result')
    const records = (await endOffset(this.#brokers, topic)) - before
    const whole = done.transactions * (1 + warmUpMs / done.durationMs)
    return {
      rate: done.transactions / (done.durationMs / 1_000),
      cpuUs: (done.cpuMs * 1_000) / done.transactions,
      group: whole / records, // about: the warm-up ran at about the same pace
      transactions: done.transactions,
    }
  }

  async #lone(child: Child<Order, Done>): Promise<Metrics> {
    const { appends } = this.#options
    const done = await child.ask({ type: 'lone', warmUp: Math.ceil(appends / 4), count: appends, valueBytes }, 120_000)
    if (done.type !== 'lone') throw new Error('assertion: lone commits are answered by their times')
    return { p50Ms: median(done.latenciesMs), p99Ms: percentile(done.latenciesMs, 0.99) }
  }

  /** What was acknowledged is in the journal: another process that only reads it has the same state. */
  async #sameState(leader: Started): Promise<void> {
    await this.#flood(leader, 1)
    const expected = await digestOf(leader.child)
    const path = new URL('./transactor.ts', import.meta.url)
    const follower = await startChild<Order, Done>(path, [this.#brokers.join(','), leader.topic, 'follow'])
    try {
      const found = await digestOf(follower)
      mustHold(expected.keys > 0, 'no transaction changed the state')
      mustHold(found.digest === expected.digest, 'another process read the journal and has another state')
    } finally {
      await follower.stop()
    }
  }

  async #lands({ child, topic }: Started): Promise<void> {
    const before = await endOffset(this.#brokers, topic)
    await child.ask({ type: 'lone', warmUp: 0, count: 10, valueBytes }, 30_000)
    const added = (await endOffset(this.#brokers, topic)) - before
    mustHold(added === 10, `10 lone appends left ${added} records in the topic`)
  }

  /** Finds how many records fill a measurement, and that all of them arrive. */
  async #calibrate(settings: Record<string, string>): Promise<void> {
    const { recordsPerSecond } = await this.#java(settings, calibrationRecords, calibrationRecords)
    this.#javaRate = Math.max(this.#javaRate, recordsPerSecond)
  }

  async #measureJava(settings: Record<string, string>): Promise<Metrics> {
    const { seconds, warmUpSeconds } = this.#options
    const [records, warmUp] = [seconds, warmUpSeconds].map((duration) => Math.round(this.#javaRate * duration))
    const { recordsPerSecond } = await this.#java(settings, records!, warmUp!)
    return { rate: recordsPerSecond }
  }

  async #java(settings: Record<string, string>, records: number, warmUpRecords: number) {
    const topic = newTopic()
    await createTopic(this.#brokers, topic)
    const work = { brokers: this.#brokers, topic, records, warmUpRecords, recordBytes: valueBytes, settings }
    const result = await runJavaProducer(this.#runtime, work)
    const end = await endOffset(this.#brokers, topic)
    mustHold(
      end === records + warmUpRecords,
      `the Java producer sent ${records + warmUpRecords} records, ${end} arrived`,
    )
    await deleteTopic(this.#brokers, topic)
    return result
  }
}

interface Started {
  readonly child: Child<Order, Done>
  readonly topic: string
}

async function digestOf(child: Child<Order, Done>) {
  const done = await child.ask({ type: 'digest' }, 60_000)
  if (done.type !== 'digest') throw new Error('assertion: a digest is answered by a digest')
  return done
}

function newTopic(): string {
  return `bench-${randomBytes(4).toString('hex')}`
}
