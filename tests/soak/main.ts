/** `npm run soak -- [--minutes 10] [--rate 2000] [--kill-every 20s]`: writes for long, with snapshots and kills; exit 1 unless all was right and flat. */
import { createLogger } from '../../checkpoint/logger.ts'
import { describeFailure } from '../../compose/failure.ts'
import { describeFlags, readFlags } from '../../compose/flags.ts'
import { summaryOf } from '../../compose/load/report.ts'
import { soakOptions } from './config.ts'
import { faultsOf, flatLines } from './report.ts'
import { runSoak } from './soak.ts'

const print = (line: string) => void process.stdout.write(`${line}\n`)

async function main(argv: string[]): Promise<number> {
  const read = readFlags(soakOptions, argv, process.env)
  if (read.kind === 'help') {
    print(`Usage: npm run soak -- [options]\n\n${describeFlags(soakOptions)}`)
    return 0
  }
  if (read.kind === 'problems') {
    process.stderr.write(`${read.problems.map((problem) => `soak: ${problem}`).join('\n')}\n`)
    return 2
  }
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => ending.abort(new DOMException('ended by a signal', 'AbortError')))
  const log = await createLogger(read.values.logLevel, process.stderr)
  try {
    const result = await runSoak(read.values, { log, signal: ending.signal, say: print })
    const flat = flatLines(result.samples)
    const faults = faultsOf(result)
    print(
      [
        '',
        summaryOf(result.report, []),
        '',
        ...flat,
        ...(flat.length === 0 ? ['too short to say what is flat'] : []),
      ].join('\n'),
    )
    print(
      `\n${faults.length === 0 ? `without fault: ${result.kills} kills` : faults.map((fault) => `FAULT ${fault}`).join('\n')}`,
    )
    return faults.length === 0 ? 0 : 1
  } catch (error) {
    process.stderr.write(`soak: ${describeFailure(error, { verbose: false })}\n`)
    return 1
  }
}

// kafkajs 2.2.4 asks for timers in the past; Node runs them at once, as is meant.
process.removeAllListeners('warning')
process.exitCode = await main(process.argv.slice(2))
