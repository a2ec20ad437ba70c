/**
 * Runs worlds until one violates an invariant: `node trial.ts FROM COUNT [SCENARIO]`, with production code as it is or, under `hook.ts`, with
 * a mutation in it. Prints what came of it as one line of JSON.
 */
import { planOf } from '../plan.ts'
import { runWorld } from '../run-world.ts'
import { scenarios } from './scenarios/list.ts'

/** What a trial came to. */
export interface TrialOutcome {
  /** The first seed whose world violated an invariant; null if none did. */
  readonly seed: number | null
  readonly violation: string | null
  readonly worlds: number
}

/** Stops at the first violation. */
async function trial(from: number, count: number, scenarioName: string | undefined): Promise<TrialOutcome> {
  const scenario = scenarios.find(({ name }) => name === scenarioName)
  if (scenarioName !== undefined && !scenario) throw new Error(`there is no scenario "${scenarioName}"`)
  for (let seed = from; seed < from + count; seed++) {
    const plan = scenario ? scenario.plan(seed) : planOf(seed)
    const { violation } = await runWorld(plan, false, (world) => scenario?.direct(world))
    if (violation !== null) return { seed, violation, worlds: seed - from + 1 }
  }
  return { seed: null, violation: null, worlds: count }
}

const [from, count, scenario] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await trial(Number(from), Number(count), scenario))}\n`)
