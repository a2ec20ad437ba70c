/** `npm run simulate -- --mutations`: takes the rules out of the code one by one, and sees that each is missed. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runTrial, testFails } from './child.ts'
import { mutations } from './list.ts'
import type { Mutation } from './mutation.ts'
import { invariantOf, type Row, withTable } from './table.ts'

export interface MutationsOptions {
  /** A mutation that is not caught within so many seeds is a failure. */
  readonly seedsMax: number
  readonly workers: number
  readonly print: (line: string) => void
}

/** The sound code must pass at least so many seeds of every scenario, and every seed that caught a mutation. */
const soundSeedsMin = 10
/** For one mutation, or the sound code of one scenario: what takes longer has shown nothing, milliseconds. */
const timeoutMs = 900_000

/** Resolves with how many mutations were not caught, or scenarios in which the sound code fails. Writes the table when none. */
export async function runMutations({ seedsMax, workers, print }: MutationsOptions): Promise<number> {
  const rows = new Map<Mutation, Row>()
  await eachOf(mutations, workers, async (mutation) => {
    const row = await tryMutation(mutation, seedsMax).catch((error: Error): Row => {
      print(error.message)
      return { mutation, seed: null, caughtBy: null }
    })
    rows.set(mutation, row)
    print(
      `${row.caughtBy === null ? 'NOT CAUGHT' : `seed ${row.seed ?? '-'}`.padEnd(10)}  ${mutation.name}: ${row.caughtBy ?? ''}`,
    )
  })
  const ordered = mutations.map((mutation) => rows.get(mutation)!)
  const unsound = await trySound(ordered, workers, print)
  const missed = ordered.filter(({ caughtBy }) => caughtBy === null).length
  print(
    `${ordered.length - missed} of ${ordered.length} mutations are caught; the sound code fails in ${unsound} of their worlds`,
  )
  if (missed + unsound === 0) await writeTable(ordered)
  return missed + unsound
}

async function tryMutation(mutation: Mutation, seedsMax: number): Promise<Row> {
  const { name, trial } = mutation
  if (trial.by === 'test') {
    const caught = await testFails(name, trial.file, timeoutMs)
    return { mutation, seed: null, caughtBy: caught ? `\`${trial.file}\`` : null }
  }
  const { seed, violation } = await runTrial(
    name,
    { from: 1, count: seedsMax, scenario: scenarioOf(mutation) },
    timeoutMs,
  )
  return { mutation, seed, caughtBy: violation === null ? null : invariantOf(violation) }
}

/** A scenario that the sound code fails too proves nothing. */
async function trySound(rows: readonly Row[], workers: number, print: (line: string) => void): Promise<number> {
  const byScenario = Map.groupBy(
    rows.filter(({ mutation }) => mutation.trial.by !== 'test'),
    ({ mutation }) => scenarioOf(mutation),
  )
  let unsound = 0
  await eachOf([...byScenario], workers, async ([scenario, some]) => {
    const count = Math.max(soundSeedsMin, ...some.map(({ seed }) => seed ?? 0))
    const { seed, violation } = await runTrial(null, { from: 1, count, scenario }, timeoutMs)
    if (violation === null) return
    unsound++
    print(`the sound code fails too: ${scenario ?? 'random worlds'}, seed ${seed}: ${violation}`)
  })
  return unsound
}

function scenarioOf({ trial }: Mutation): string | undefined {
  return trial.by === 'scenario' ? trial.name : undefined
}

async function eachOf<Item>(
  items: readonly Item[],
  workers: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: workers }, worker))
}

async function writeTable(rows: readonly Row[]): Promise<void> {
  const path = join(import.meta.dirname, '../../../docs/simulation.md')
  await writeFile(path, withTable(await readFile(path, 'utf8'), rows))
}
