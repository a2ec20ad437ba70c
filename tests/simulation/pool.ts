/** Spreads seeds over worker processes. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { addTally, emptyTally, type Tally } from './tally.ts'
import type { Task } from './worker.ts'

/** Seeds that a worker is given at a time. */
const chunkMax = 20
/** A world that grows without bound must not take the machine with it. */
const heapMegabytes = 1_024
/** Worlds make much garbage that dies young: with room for it a sixth of the time is saved. */
const youngMegabytes = 64

export interface PoolOptions extends Omit<Task, 'from' | 'count'> {
  readonly seeds: number
  readonly from: number
  readonly workers: number
  readonly progress: (tally: Tally) => void
}

const execArgv = [`--max-old-space-size=${heapMegabytes}`, `--max-semi-space-size=${youngMegabytes}`]

/** Resolves when all seeds were run. A worker that dies is a violation of one of the seeds that it had. */
export async function runSeeds({ seeds, from, workers, only, progress }: PoolOptions): Promise<Tally> {
  const tally = emptyTally()
  const end = from + seeds
  const chunk = Math.max(1, Math.min(chunkMax, Math.ceil(seeds / workers / 2)))
  let next = from
  const take = (): Task | null => {
    if (next >= end) return null
    const task = { from: next, count: Math.min(chunk, end - next), only }
    next += task.count
    return task
  }
  const runWorker = async () => {
    let worker: ChildProcess | null = null
    for (let task = take(); task; task = take()) {
      worker ??= fork(join(import.meta.dirname, 'worker.ts'), { execArgv })
      const more = await run(worker, task)
      if (more) addTally(tally, more)
      else {
        worker = null
        tally.worlds += task.count
        tally.violations.push({
          seed: task.from,
          what: `a worker died on a seed from ${task.from} to ${task.from + task.count - 1}`,
        })
      }
      progress(tally)
    }
    worker?.disconnect()
  }
  await Promise.all(Array.from({ length: Math.min(workers, seeds) }, runWorker))
  return tally
}

/** What the seeds came to, or null if the worker died. */
function run(worker: ChildProcess, task: Task): Promise<Tally | null> {
  return new Promise((resolve) => {
    const died = () => resolve(null)
    worker.once('exit', died)
    worker.once('message', (tally) => {
      worker.off('exit', died)
      resolve(tally as Tally)
    })
    worker.send(task)
  })
}
