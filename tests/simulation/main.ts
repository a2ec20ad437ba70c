/** `npm run simulate -- --seeds N --from S`: many worlds, all cores; exit 1 on any violation, with its shortest story. */
import { describeFlags, readFlags } from '../../compose/flags.ts'
import { type SimulationOptions, simulationOptions } from './config.ts'
import { runMutations } from './mutations/run.ts'
import { type FaultKind, type Plan, planOf } from './plan.ts'
import { runSeeds } from './pool.ts'
import { runWorld } from './run-world.ts'
import { shortest } from './shrink.ts'
import { addVerdict, emptyTally, reportOf, type Tally } from './tally.ts'

const print = (line: string) => void process.stdout.write(`${line}\n`)
const progressEveryMs = 5_000
/** A mutation has to be caught within so many seeds. */
const mutationSeedsMax = 2_000
/** Failing seeds whose story is told; the others are listed. */
const toldMax = 3
/** The end of a story that is printed whole; before it only what changes the course of things. */
const lastLines = 60
const telling =
  / (FAULT|VIOLATION)|phase changed| is to lead | leads, epoch |fenced| (starts|is killed|is stopped|goes on)|ends/

async function main(argv: string[]): Promise<number> {
  const read = readFlags(simulationOptions, argv, process.env)
  if (read.kind === 'help') {
    print(`Usage: npm run simulate -- [options]\n\n${describeFlags(simulationOptions)}`)
    return 0
  }
  if (read.kind === 'problems') {
    process.stderr.write(`${read.problems.map((problem) => `simulate: ${problem}`).join('\n')}\n`)
    return 2
  }
  const { values } = read
  if (values.mutations) return (await mutationsMissed(values)) === 0 ? 0 : 1
  const beganMs = performance.now()
  const tally = values.verbose ? await runHere(values) : await runThere(values, beganMs)
  for (const line of reportOf(tally, performance.now() - beganMs, values.verbose ? 1 : values.workers)) print(line)
  if (!values.verbose) for (const { seed } of tally.violations.slice(0, toldMax)) await tellShortest(seed, values.only)
  return tally.violations.length === 0 ? 0 : 1
}

function mutationsMissed({ seeds, workers }: SimulationOptions): Promise<number> {
  return runMutations({ seedsMax: Math.min(seeds, mutationSeedsMax), workers, print })
}

async function runHere({ seeds, from, only }: SimulationOptions): Promise<Tally> {
  const tally = emptyTally()
  for (let seed = from; seed < from + seeds; seed++) {
    const plan = planOf(seed, only)
    print(describe(plan))
    const verdict = await runWorld(plan, true)
    for (const line of verdict.story) print(line)
    print(`seed ${seed}: trace ${verdict.traceHash}, ${verdict.violation ?? 'no violation'}\n`)
    addVerdict(tally, verdict)
  }
  return tally
}

function runThere({ seeds, from, workers, only }: SimulationOptions, beganMs: number): Promise<Tally> {
  let saidMs = beganMs
  const progress = ({ worlds, violations }: Tally) => {
    const nowMs = performance.now()
    if (nowMs - saidMs < progressEveryMs) return
    saidMs = nowMs
    const perMinute = Math.round(worlds / ((nowMs - beganMs) / 60_000))
    print(`${worlds} of ${seeds} worlds, ${perMinute} a minute, ${violations.length} violations`)
  }
  return runSeeds({ seeds, from, workers, only, progress })
}

async function tellShortest(seed: number, only: FaultKind | undefined): Promise<void> {
  const plan = planOf(seed, only)
  const fails = async (candidate: Plan) => (await runWorld(candidate)).violation !== null
  const least = await shortest(plan, fails)
  const { story, violation } = await runWorld(least, true)
  print(`\nseed ${seed}, shortest story: ${least.faults.length} of ${plan.faults.length} faults`)
  print(describe(least))
  const end = story.length - lastLines
  for (const [index, line] of story.entries()) if (index >= end || telling.test(line)) print(line)
  print(`seed ${seed}: ${violation ?? 'it does not fail any more'}`)
  print(`the whole story: npm run simulate -- --seeds 1 --from ${seed} --verbose`)
}

function describe({ seed, faults, ...rest }: Plan): string {
  const { heartbeatMs, appendDeadlineMs, snapshotTailBytes } = rest
  const who = `${rest.backends} backends, ${rest.receivers} receivers, ${rest.balancers} balancers, ${rest.clients} clients`
  const how = `heartbeat ${heartbeatMs} ms, append deadline ${appendDeadlineMs} ms, snapshots ${snapshotTailBytes ?? 'none'}`
  return [`seed ${seed}: ${who}; ${how}`, ...faults.map(({ atMs, kind }) => `  ${atMs} ms: ${kind}`)].join('\n')
}

process.exitCode = await main(process.argv.slice(2))
