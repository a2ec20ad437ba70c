/** `npm run test:faults -- [--repeat N] [--only NAME] [--jobs N]`: every fault of the table, done to real processes; exit 1 unless all was kept. */
import { mkdtemp, rmdir, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { describeFailure } from '../../compose/failure.ts'
import { describeFlags, readFlags } from '../../compose/flags.ts'
import { kafkaVersion } from '../../compose/kafka/runtime.ts'
import { type FaultsOptions, faultsOptions } from './config.ts'
import { openNetwork } from './open-network.ts'
import { keepOutcome, readOutcomes } from './outcomes.ts'
import { faultsPage, type Machine, type Outcome } from './report.ts'
import { rows } from './rows/table.ts'
import { runRows, type Turn } from './run-rows.ts'
import { allNames } from './shapes.ts'

const print = (text: string) => void process.stdout.write(`${text}\n`)

async function main(argv: string[]): Promise<number> {
  const read = readFlags(faultsOptions, argv, process.env)
  if (read.kind === 'help') {
    const table = rows.map(({ name, event }) => `  ${name.padEnd(34)}${event}`).join('\n')
    print(`Usage: npm run test:faults -- [options]\n\n${describeFlags(faultsOptions)}\n\nRows:\n${table}`)
    return 0
  }
  if (read.kind === 'problems') {
    process.stderr.write(`${read.problems.map((problem) => `faults: ${problem}`).join('\n')}\n`)
    return 2
  }
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => ending.abort(new DOMException('ended by a signal', 'AbortError')))
  try {
    return await runSuite(read.values, ending.signal)
  } catch (error) {
    process.stderr.write(`faults: ${describeFailure(error, { verbose: false })}\n`)
    return 1
  }
}

async function runSuite(options: FaultsOptions, signal: AbortSignal): Promise<number> {
  const { only, repeat, jobs, seed } = options
  const asked = rows.filter(({ name }) => only === undefined || only.some((part) => name.includes(part)))
  const turns = asked.flatMap((row, index) =>
    Array.from({ length: repeat }, (_, turn): Turn => {
      return { row, run: `r${index + 1}-${turn + 1}`, seed: seed + index * repeat + turn }
    }),
  )
  const earlier = options.outcomes === undefined ? [] : readOutcomes(options.outcomes)
  const folder = await mkdtemp(join(tmpdir(), 'heartline-faults-'))
  const outcomes: Outcome[] = []
  let network = ''
  await Promise.all(
    Array.from({ length: Math.min(jobs, turns.length) }, async (_, job) => {
      const opened = await openNetwork({
        ...{ network: options.network, names: allNames, log: silent },
        subnet: (process.pid + job) % 256,
      })
      if (job === 0 && opened.word) print(opened.word)
      network = opened.network.kind
      try {
        const mine = turns.filter((_turn, index) => index % jobs === job)
        const possible = mine.filter(({ row }) => network === 'namespaces' || !row.needsNamespaces)
        for (const { row } of mine)
          if (!possible.some((turn) => turn.row === row)) print(`LEFT OUT ${row.name}: it needs namespaces`)
        const onOutcome = (outcome: Outcome) => {
          outcomes.push(outcome)
          if (options.outcomes !== undefined) keepOutcome(options.outcomes, outcome)
        }
        await runRows(possible, { network: opened.network, log: silent, signal, folder, say: print, onOutcome })
      } finally {
        await opened.network.close()
      }
    }),
  )
  const failed = outcomes.filter(({ violations }) => Object.keys(violations).length > 0)
  if (failed.length === 0) await rmdir(folder)
  const all = [...earlier, ...outcomes]
  const told = rows.filter((row) => asked.includes(row) || all.some((outcome) => outcome.row === row.name))
  if (options.table !== undefined) await writeFile(options.table, faultsPage(told, all, machineOf(network)))
  print(
    failed.length === 0
      ? `\n${outcomes.length} runs of ${asked.length} rows, without fault`
      : `\n${failed.length} of ${outcomes.length} runs failed: ${[...new Set(failed.map(({ row }) => row))].join(', ')}`,
  )
  return failed.length === 0 ? 0 : 1
}

function machineOf(network: string): Machine {
  const memoryGiB = Math.round(totalmem() / 1024 ** 3)
  return { processors: cpus().length, memoryGiB, node: process.versions.node, kafka: kafkaVersion, network }
}

const silent = pino({ level: 'silent' })
// kafkajs 2.2.4 asks for timers in the past; Node runs them at once, as is meant.
process.removeAllListeners('warning')
process.exitCode = await main(process.argv.slice(2))
