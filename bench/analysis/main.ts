/** `npm run analysis`: how requests spread, how long they take and what a crash does, per strategy; plots and tables for docs/analysis. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLogger } from '../../checkpoint/logger.ts'
import { describeFailure } from '../../compose/failure.ts'
import { describeFlags, readFlags } from '../../compose/flags.ts'
import { describeMachine } from '../machine.ts'
import { type AnalysisOptions, analysisOptions, type PartName } from './config.ts'
import { crashes } from './crash.ts'
import { shares, spreads } from './distribution.ts'
import { figuresOf, withFigures } from './figures.ts'
import { boundedLoads, moves } from './hashing.ts'
import type { PartContext } from './part.ts'
import { drawPlots } from './plots.ts'
import { responseTimes } from './response-times.ts'
import type { AnalysisResults } from './results.ts'

const exitCodes = { fine: 0, failed: 1, usage: 2 } as const

/** In this order; each adds what it found. */
const parts: Record<PartName, (context: PartContext) => Promise<Partial<AnalysisResults>>> = {
  'a-1': async (context) => ({ shares: await shares(context) }),
  'a-2': async (context) => ({ spreads: await spreads(context) }),
  'a-3': async (context) => ({ responses: await responseTimes(context) }),
  'a-4': async (context) => ({ crashes: await crashes(context) }),
  'a-5': async (context) => ({ moves: await moves(context), bounds: await boundedLoads(context) }),
}

async function main(argv: string[]): Promise<number> {
  const read = readFlags(analysisOptions, argv, process.env)
  if (read.kind === 'help') {
    process.stdout.write(`Usage: npm run analysis -- [options]\n\n${describeFlags(analysisOptions)}\n`)
    return exitCodes.fine
  }
  if (read.kind === 'problems') {
    process.stderr.write(`${read.problems.map((problem) => `analysis: ${problem}`).join('\n')}\n`)
    return exitCodes.usage
  }
  const ending = new AbortController()
  const onSignal = () => {
    if (ending.signal.aborted) process.exit(exitCodes.failed)
    ending.abort(new DOMException('ended by a signal', 'AbortError'))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  try {
    const results = await analyse(read.values, argv, ending.signal)
    await write(results, read.values.output)
    const failed = results.crashes?.filter(({ errors }) => Object.keys(errors).length > 0) ?? []
    for (const { strategy, errors } of failed)
      process.stderr.write(`analysis: errors at the crash, ${strategy}: ${JSON.stringify(errors)}\n`)
    return failed.length === 0 ? exitCodes.fine : exitCodes.failed
  } catch (error) {
    if (!ending.signal.aborted) process.stderr.write(`analysis: ${describeFailure(error, { verbose: false })}\n`)
    return exitCodes.failed
  }
}

async function analyse(options: AnalysisOptions, argv: string[], signal: AbortSignal): Promise<AnalysisResults> {
  const say = (line: string) => process.stderr.write(`${line}\n`)
  // A killed backend is told of at this level: here it is meant.
  const log = await createLogger('fatal', process.stderr)
  const { requests, rate, clients, seed, rounds } = options
  const results: AnalysisResults = {
    madeAt: new Date().toISOString(),
    machine: describeMachine(),
    command: ['npm run analysis', ...(argv.length > 0 ? ['--', ...argv] : [])].join(' '),
    options: { requests, rate, clients, seed, rounds },
  }
  for (const [name, run] of Object.entries(parts)) {
    signal.throwIfAborted()
    if (options.parts.includes(name)) Object.assign(results, await run({ options, log, signal, say }))
  }
  return results
}

async function write(results: AnalysisResults, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const [name, svg] of await drawPlots(results)) await writeFile(join(directory, name), svg)
  await writeFile(join(directory, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  const readme = join(directory, 'README.md')
  const text = await readFile(readme, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text !== undefined) await writeFile(readme, withFigures(text, figuresOf(results)))
  for (const figures of figuresOf(results).values()) process.stdout.write(`${figures}\n`)
}

process.exitCode = await main(process.argv.slice(2))
