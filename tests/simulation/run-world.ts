/** Runs one world to its end, and counts as a violation whatever a real process would die of. */
import type { Plan } from './plan.ts'
import { type Verdict, World } from './world.ts'

let failures: string[] = []
let watching = false

/** A promise that nobody handles ends a Node process; here it is noted, with the world that it happened in. */
function watchFailures(): void {
  if (watching) return
  watching = true
  process.on('unhandledRejection', (error) => failures.push(`unhandled: ${(error as Error)?.stack ?? String(error)}`))
}

/** The same plan gives the same verdict, event by event. `prepare` may schedule what befalls the world beside its plan. */
export async function runWorld(
  plan: Plan,
  verbose = false,
  prepare: (world: World) => void = () => undefined,
): Promise<Verdict> {
  watchFailures()
  failures = []
  const world = new World(plan, verbose)
  prepare(world)
  const verdict = await world.run()
  await new Promise((resolve) => setImmediate(resolve)) // rejections are told after the turn
  if (failures.length === 0) return verdict
  return { ...verdict, violation: verdict.violation ?? failures[0]! }
}
