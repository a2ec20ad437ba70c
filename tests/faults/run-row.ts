/** One run of one row: load, the event, everything made good, load again, and the verdict. */
import { setTimeout as sleep } from 'node:timers/promises'
import { unixNowMs } from '../../compose/load/clock.ts'
import { Connection } from '../../compose/load/connection.ts'
import type { FinalState, Operation } from '../../compose/load/operations.ts'
import { readBack } from '../../compose/load/read-back.ts'
import type { Recorded } from './client.ts'
import type { Installation } from './installation.ts'
import type { Row } from './row.ts'
import { type Note, Stage } from './stage.ts'
import { Traffic } from './traffic.ts'
import { type Figures, figuresOf, judge, type Violation } from './verdict.ts'

/** Load before and after, so that an event has something to break, and its aftermath something to show. */
const beforeMs = 400
const afterMs = 300
const rowTimeoutMs = 120_000
const wholeTimeoutMs = 30_000
const readTimeoutMs = 5_000
const readAllTimeoutMs = 20_000

export interface RowRun {
  readonly row: Row
  /** Begins every key of the run. */
  readonly run: string
  readonly violations: readonly Violation[]
  readonly figures: Figures
  readonly tookMs: number
  readonly notes: readonly Note[]
  readonly history: readonly Recorded[]
}

/** Resolves with the verdict, however bad; rejects only if the installation was not whole before, or `signal` is aborted. */
export async function runRow(
  row: Row,
  system: Installation,
  { run, seed, signal }: { run: string; seed: number; signal: AbortSignal },
): Promise<RowRun> {
  const startedMs = performance.now()
  await system.untilWhole(wholeTimeoutMs)
  system.forget()
  const balancers = await Promise.all(system.namesOf('balancer').map((name) => system.balancerUrl(name)))
  const limit = AbortSignal.any([signal, AbortSignal.timeout(rowTimeoutMs)])
  const traffic = new Traffic({ balancers, run, seed, readersAtFirst: row.readersAtFirst ?? false })
  const stage = new Stage(system, traffic, limit)
  try {
    await stage.pause(beforeMs)
    await stage.untilServed()
    await row.run(stage)
  } catch (error) {
    stage.complain(signal.aborted ? 'ended by a signal' : (error as Error).message)
  }
  await makeGood(stage, system)
  await sleep(afterMs)
  const history = await traffic.stop()
  signal.throwIfAborted()
  for (const end of system.endedByThemselves) stage.complain(end)
  const violations = await verdict(row, stage, history, balancers, run)
  const tookMs = performance.now() - startedMs
  return { row, run, violations, figures: figuresOf(history), tookMs, notes: stage.notes, history }
}

/** Invariant 6: after faults heal, everything works again within a bounded time. */
async function makeGood(stage: Stage, system: Installation): Promise<void> {
  try {
    for (const name of system.names) system.signal(name, 'SIGCONT')
    await system.network.heal()
    await system.runMissing()
    await stage.untilWhole()
  } catch (error) {
    stage.complain((error as Error).message)
  }
}

async function verdict(
  row: Row,
  stage: Stage,
  history: readonly Recorded[],
  balancers: readonly string[],
  run: string,
): Promise<Violation[]> {
  const startMs = unixNowMs()
  let final: FinalState
  try {
    final = await readAll(
      balancers[0]!,
      run,
      history.map(({ operation }) => operation),
    )
  } catch (error) {
    const what = `what is there at the end cannot be read: ${(error as Error).message}`
    return [{ kind: 'not as promised', what, count: 1 }]
  }
  const { allowance } = row
  const { complaints } = stage
  return judge({ allowance, history, final, readBack: { startMs, endMs: unixNowMs() }, complaints })
}

async function readAll(balancer: string, run: string, operations: readonly Operation[]): Promise<FinalState> {
  const connection = new Connection(balancer, readTimeoutMs)
  const keys = (name: 'counter' | 'register') =>
    new Set(operations.flatMap((operation) => (operation as Record<string, string>)[name] ?? []))
  try {
    const late = sleep(readAllTimeoutMs, undefined, { ref: false }).then(() => {
      throw new Error(`not within ${readAllTimeoutMs} ms`)
    })
    const read = readBack({ connection, run, counters: keys('counter'), registers: keys('register') })
    return await Promise.race([read, late])
  } finally {
    await connection.close()
  }
}
