/** Kafka's own producer performance tool, against a broker of ours. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { KafkaRuntime } from '../../compose/kafka/runtime.ts'
import { BenchError } from '../errors.ts'

const run = promisify(execFile)
const timeoutMs = 300_000

export interface JavaProducerRun {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly records: number
  /** Records before those, not counted: the tool's own `--warmup-records`. */
  readonly warmUpRecords: number
  readonly recordBytes: number
  /** Settings of the producer beside the brokers and acks. */
  readonly settings: Readonly<Record<string, string>>
}

export interface JavaProducerResult {
  /** Without those of the warm-up. */
  readonly records: number
  readonly recordsPerSecond: number
}

/** @throws BenchError LOAD_FAILED if not every record was acknowledged. */
export async function runJavaProducer(runtime: KafkaRuntime, work: JavaProducerRun): Promise<JavaProducerResult> {
  const { brokers, topic, records, warmUpRecords, recordBytes, settings } = work
  const properties = { 'bootstrap.servers': brokers.join(','), acks: 'all', ...settings }
  const all = records + warmUpRecords
  const { stdout, stderr } = await run(
    runtime.java,
    [
      ...['-Xms512m', '-Xmx512m', '-cp', runtime.classPath, 'org.apache.kafka.tools.ProducerPerformance'],
      ...['--topic', topic, '--num-records', `${all}`, '--warmup-records', `${warmUpRecords}`],
      ...['--record-size', `${recordBytes}`, '--throughput', '-1'],
      ...['--command-property', ...Object.entries(properties).map(([name, value]) => `${name}=${value}`)],
    ],
    { timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024 },
  ).catch((cause) => {
    throw new BenchError(
      'LOAD_FAILED',
      `the Java producer failed: ${lastLine(`${cause.stdout}\n${cause.stderr}`)}`,
      cause,
    )
  })
  const result = steadyStateOf(stdout)
  if (result?.records !== records || /Exception/.test(stderr))
    throw new BenchError('LOAD_FAILED', `the Java producer did not finish: ${lastLine(`${stderr}\n${stdout}`)}`)
  return result
}

/** From the tool's summary of what followed its warm-up: `500000 steady state records sent, 75437.537719 records/sec (…), …`. */
export function steadyStateOf(output: string): JavaProducerResult | undefined {
  const found = /^(\d+) steady state records sent, ([\d.]+) records\/sec/m.exec(output)
  return found ? { records: Number(found[1]), recordsPerSecond: Number(found[2]) } : undefined
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
