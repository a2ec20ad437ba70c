/** `npm run bench -- NAME`: measures, prints a table and, with `--json`, the report as its last line. */
import { writeFile } from 'node:fs/promises'
import { createLogger } from '../checkpoint/logger.ts'
import { describeFailure } from '../compose/failure.ts'
import { describeFlags, nearest, readFlags } from '../compose/flags.ts'
import type { Benchmark, CommonOptions } from './benchmark.ts'
import { Cleanup } from './cleanup.ts'
import { describeMachine, noiseNote } from './machine.ts'
import { reportOf, tableOf } from './report.ts'

const benchmarks: Record<string, { summary: string; load: () => Promise<Benchmark> }> = {
  writes: {
    summary: 'durable POSTs: checkpoint on Kafka beside plain memory, PostgreSQL and Redis',
    load: async () => (await import('./writes/writes.ts')).writes,
  },
  reads: {
    summary: 'linearizable reads, under a lease and by barriers, beside reads with no protection',
    load: async () => (await import('./reads/reads.ts')).reads,
  },
  journal: {
    summary: "transactions beside Kafka's own producer performance tool, and beside a bare append",
    load: async () => (await import('./journal/journal.ts')).journal,
  },
  failover: {
    summary:
      'the pause, errors and doubled writes when the active dies, beside nginx, HAProxy and Caddy, or with large states',
    load: async () => (await import('./failover/failover.ts')).failover,
  },
  detection: {
    summary: 'false alarms while others saturate the cores, and the time to notice a hang and a kill in quiet',
    load: async () => (await import('./detection/detection.ts')).detection,
  },
  handover: {
    summary: 'the pause and the errors of planned handovers, and of restarts of every kind of process',
    load: async () => (await import('./handover/handover.ts')).handover,
  },
  timeline: {
    summary: 'where the time of a failover goes, step by step, in all processes',
    load: async () => (await import('./failover/timeline.ts')).timeline,
  },
  restore: {
    summary: 'a cold start from a snapshot and the tail, beside a bare consumer of the same bytes',
    load: async () => (await import('./restore/restore.ts')).restore,
  },
  receiver: {
    summary: 'what 10 to 10,000 heartbeating backends cost one receiver, and its time from a kill to the decision',
    load: async () => (await import('./receiver/receiver.ts')).receiver,
  },
  proxy: {
    summary: 'requests per second of one core, beside nginx, HAProxy, Caddy and the proxies of Node',
    load: async () => (await import('./proxy/proxy.ts')).proxy,
  },
  dashboard: {
    summary: 'frame times of the page with 200 backends, and what open dashboards cost the receiver',
    load: async () => (await import('./dashboard/dashboard.ts')).dashboard,
  },
  'slow-clients': {
    summary: 'the latency of normal traffic, alone and beside thousands of idle and slow clients',
    load: async () => (await import('./slow-clients/slow-clients.ts')).slowClients,
  },
}

const exitCodes = { fine: 0, failed: 1, usage: 2 } as const

async function main([name, ...argv]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h') return print(overview())
  const entry = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined
  if (!entry) {
    const near = nearest(name, Object.keys(benchmarks))
    return usage([`unknown benchmark ${name}; ${near ? `did you mean ${near}?` : '--help lists them'}`])
  }
  const benchmark = await entry.load()
  const read = readFlags(benchmark.options, argv, process.env)
  if (read.kind === 'help')
    return print(
      `${name}: ${entry.summary}\n\nUsage: npm run bench -- ${name} [options]\n\n${describeFlags(benchmark.options)}`,
    )
  if (read.kind === 'problems') return usage(read.problems)
  return run(name, benchmark, read.values as CommonOptions)
}

async function run(name: string, benchmark: Benchmark, options: CommonOptions): Promise<number> {
  const machine = describeMachine()
  const log = await createLogger('warn', process.stderr)
  const cleanup = new Cleanup()
  const ending = new AbortController()
  const onSignal = () => {
    if (ending.signal.aborted) process.exit(exitCodes.failed)
    ending.abort(new DOMException('ended by a signal', 'AbortError'))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  const say = (line: string) => process.stderr.write(`${line}\n`)
  try {
    const findings = await benchmark.run(options, { log, signal: ending.signal, cleanup, say })
    const report = reportOf(name, machine, findings)
    const notes = [...findings.notes, noiseNote(machine) ?? []].flat()
    if (options.raw !== undefined)
      await writeFile(options.raw, `${JSON.stringify({ ...report, notes, samples: findings.samples })}\n`)
    print(tableOf(report, notes))
    if (options.json) print(JSON.stringify(report))
    return exitCodes.fine
  } catch (error) {
    if (!ending.signal.aborted) process.stderr.write(`bench ${name}: ${describeFailure(error, { verbose: false })}\n`)
    return exitCodes.failed
  } finally {
    await cleanup.run()
  }
}

function usage(problems: string[]): number {
  process.stderr.write(`${problems.map((problem) => `bench: ${problem}`).join('\n')}\n`)
  return exitCodes.usage
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return exitCodes.fine
}

function overview(): string {
  const rows = Object.entries(benchmarks).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  return `Usage: npm run bench -- NAME [options]\n\n${rows.join('\n')}\n\nnpm run bench -- NAME --help lists its options.`
}

// kafkajs 2.2.4 asks for timers in the past; Node runs them at once, as is meant.
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name !== 'TimeoutNegativeWarning') process.stderr.write(`${warning.name}: ${warning.message}\n`)
})

process.exitCode = await main(process.argv.slice(2))
