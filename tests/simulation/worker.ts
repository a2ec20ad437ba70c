/** A process of its own that runs worlds: the seeds come as messages, and what they came to goes back. */
import { type FaultKind, planOf } from './plan.ts'
import { runWorld } from './run-world.ts'
import { addVerdict, emptyTally } from './tally.ts'

/** Seeds to run, and whether worlds have one kind of fault only. */
export interface Task {
  readonly from: number
  readonly count: number
  readonly only: FaultKind | undefined
}

process.on('message', async ({ from, count, only }: Task) => {
  const tally = emptyTally()
  for (let seed = from; seed < from + count; seed++) addVerdict(tally, await runWorld(planOf(seed, only)))
  process.send!(tally)
})
process.on('disconnect', () => process.exit())
