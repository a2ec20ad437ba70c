/** Runs rows one after the other, each on the installation of its shape, which is kept for the next row of that shape. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { Installation } from './installation.ts'
import type { Network } from './network.ts'
import type { Outcome } from './report.ts'
import type { Row } from './row.ts'
import { type RowRun, runRow } from './run-row.ts'
import { keepLogs, keepStory } from './story.ts'

export interface Turn {
  readonly row: Row
  /** Begins every key of the run; no two turns of a run share it. */
  readonly run: string
  readonly seed: number
}

export interface RowsTools {
  readonly network: Network
  readonly log: Logger
  readonly signal: AbortSignal
  /** Where what is kept of failed runs goes. */
  readonly folder: string
  readonly say: (text: string) => void
  readonly onOutcome: (outcome: Outcome) => void
}

/** An installation is replaced after so many turns: it remembers clients' keys for a day, and has room for 100,000. */
const turnsMax = 40

/** Turns of one shape together, so that each installation is started once; within a shape as they are given. */
export function byShape(turns: readonly Turn[]): Turn[] {
  return [...Map.groupBy(turns, ({ row }) => row.shape.name).values()].flat()
}

/** Resolves when all turns are over. What a turn breaks beyond repair is replaced by a new installation. */
export async function runRows(turns: readonly Turn[], tools: RowsTools): Promise<void> {
  let system: Installation | undefined
  let installations = 0
  let turnsHere = 0
  try {
    for (const turn of byShape(turns)) {
      tools.signal.throwIfAborted()
      if (system !== undefined && (system.shape !== turn.row.shape || turnsHere === turnsMax)) {
        await system.stop()
        system = undefined
      }
      if (system === undefined) {
        const topicPrefix = `faults-${process.pid}-${++installations}`
        system = new Installation(turn.row.shape, { ...tools, topicPrefix })
        await startKept(system, join(tools.folder, `start-${topicPrefix}`))
        turnsHere = 0
      }
      turnsHere++
      const run = await runRow(turn.row, system, { ...turn, signal: tools.signal })
      tools.onOutcome(outcomeOf(run))
      tools.say(await describe(run, system, tools.folder))
      if (run.violations.length > 0) {
        await system.stop()
        system = undefined
      }
    }
  } finally {
    await system?.stop()
  }
}

/** @throws Error if it does not come up, which says where its lines are kept. */
async function startKept(system: Installation, folder: string): Promise<void> {
  try {
    await system.start()
  } catch (cause) {
    await keepLogs(folder, system)
    throw new Error(`${(cause as Error).message}; its lines are kept in ${folder}`, { cause })
  }
}

async function describe(run: RowRun, system: Installation, folder: string): Promise<string> {
  const { pauseMs, requests, drops, refusals } = run.figures
  const more = [
    ...(drops > 0 ? [`${drops} dropped`] : []),
    ...(refusals > 0 ? [`${refusals} refused`] : []),
    `pause ${Math.round(pauseMs)} ms`,
    `took ${(run.tookMs / 1_000).toFixed(1)} s`,
  ].join(', ')
  const line = `${run.violations.length === 0 ? 'ok  ' : 'FAIL'} ${run.row.name.padEnd(32)} ${requests} requests, ${more}`
  if (run.violations.length === 0) return line
  return `${line}\n${await keepStory(join(folder, `${run.row.name}-${run.run}`), run, system)}`
}

function outcomeOf({ row, violations, figures, tookMs }: RowRun): Outcome {
  const counts: Partial<Record<(typeof violations)[number]['kind'], number>> = {}
  for (const { kind, count } of violations) counts[kind] = (counts[kind] ?? 0) + count
  return { row: row.name, ...figures, tookMs, violations: counts }
}
