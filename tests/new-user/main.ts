/** `npm run test:new-user -- [--cold] [--embedded]`: from a fresh clone to the first failover that is seen; exit 1 if it is not as was promised. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describeFailure } from '../../compose/failure.ts'
import { describeFlags, readFlags } from '../../compose/flags.ts'
import { newUserOptions } from './config.ts'
import { measureFirstFailover } from './first-failover.ts'
import { type Changed, faultsOf, tableOf, untilFailoverMs } from './report.ts'

const examples = join(import.meta.dirname, '..', '..', 'examples')
const print = (line: string) => void process.stdout.write(`${line}\n`)

async function main(argv: string[]): Promise<number> {
  const read = readFlags(newUserOptions, argv, process.env)
  if (read.kind === 'help') {
    print(`Usage: npm run test:new-user -- [options]\n\n${describeFlags(newUserOptions)}`)
    return 0
  }
  if (read.kind === 'problems') {
    process.stderr.write(`${read.problems.map((problem) => `new-user: ${problem}`).join('\n')}\n`)
    return 2
  }
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => ending.abort(new DOMException('ended by a signal', 'AbortError')))
  try {
    const measured = await measureFirstFailover(read.values, ending.signal)
    const { steps } = measured
    const changed = await changedLines()
    const faults = faultsOf(measured, changed)
    print(
      read.values.json
        ? JSON.stringify({ steps, untilFailoverMs: untilFailoverMs(steps), changed, faults })
        : [tableOf(steps, changed), ...faults.map((fault) => `FAULT ${fault}`)].join('\n'),
    )
    return faults.length === 0 ? 0 : 1
  } catch (error) {
    process.stderr.write(`new-user: ${describeFailure(error, { verbose: false })}\n`)
    return 1
  }
}

/** Of the service in the examples. */
function changedLines(): Promise<Changed> {
  const files = ['notes-before.ts', 'notes-after.ts'].map((name) => join(examples, name))
  return new Promise((resolve, reject) =>
    // It ends with 1 where the two differ, as they do.
    execFile('git', ['diff', '--no-index', '--numstat', ...files], (_, stdout) => {
      const [, added, removed] = /^(\d+)\t(\d+)\t/.exec(stdout) ?? []
      if (added === undefined) reject(new Error(`git does not say what differs: ${stdout}`))
      else resolve({ added: Number(added), removed: Number(removed) })
    }),
  )
}

process.exitCode = await main(process.argv.slice(2))
