/** `npm run bench -- NAME`: measures, prints a table and, with `--json`, the report as its last line. */
import { writeFile } from 'node:fs/promises'
import { createLogger } from '../checkpoint/logger.ts'
import { describeFailure } from '../compose/failure.ts'
import { describeFlags, nearest, readFlags } from '../compose/flags.ts'
import type { Benchmark, CommonOptions } from './benchmark.ts'
import { benchmarks } from './benchmarks.ts'
import { Cleanup } from './cleanup.ts'
import { describeRun } from './described-run.ts'
import { describeMachine, noiseNote } from './machine.ts'
import { reportOf, tableOf } from './report.ts'

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
      await writeFile(
        options.raw,
        `${JSON.stringify({ ...report, ...(await describeRun(process.argv.slice(2))), notes, samples: findings.samples })}\n`,
      )
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
