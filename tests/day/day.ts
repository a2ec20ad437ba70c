/** Runs a day: traffic, and what happens meanwhile; then the report. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Random, seededRandom } from '../../compose/load/random.ts'
import { type Happening, planDay } from './plan.ts'
import type { Town } from './town.ts'
import { runTraffic, type TrafficReport } from './traffic.ts'

export interface DaySettings {
  readonly seed: number
  readonly durationMs: number
  /** Highest rate of the day, requests per second. */
  readonly rateMax: number
  /** From one happening to the next in the mean, milliseconds. */
  readonly apartMs: number
  /** Hears one line of each thing that happens. */
  readonly tell: (line: string) => void
  /** Of what can happen, all that does; without it everything. */
  readonly kinds?: readonly string[]
}

export interface DayReport extends TrafficReport {
  /** What happened, in order, at which second. */
  readonly happened: readonly string[]
  /** What is wrong with the state after the day; null if nothing. */
  readonly audit: string | null
}

/** Long enough that whoever hangs is noticed before it goes on. */
const lastsMs = { min: 800, max: 2_000 }

/** True if the day was without fault. */
export function isGood({ errors, audit }: DayReport): boolean {
  return errors.length === 0 && audit === null
}

export async function runDay<Kind extends string>(town: Town<Kind>, settings: DaySettings): Promise<DayReport> {
  const { seed, durationMs, rateMax, apartMs } = settings
  const kinds = town.kinds.filter((kind) => settings.kinds?.includes(kind) ?? true)
  const plan = planDay({ durationMs, kinds, apartMs, lastsMs }, seededRandom(seed))
  let over = false
  const ended = () => over // what takes longer than planned is to be seen by clients too
  const { url, mix } = town
  const traffic = runTraffic({ url, mix, random: seededRandom(seed + 1), durationMs, ended, rateMax })
  const happenings = carryOut(town, plan, seededRandom(seed + 2), settings).finally(() => {
    over = true
  })
  const [report, happened] = await Promise.all([traffic, happenings])
  return { ...report, happened, audit: await town.audit(report.counted) }
}

/** One after the other at their times, or later: never more at once than the town bears. */
async function carryOut<Kind extends string>(
  town: Town<Kind>,
  plan: readonly Happening<Kind>[],
  random: Random,
  { tell }: DaySettings,
): Promise<string[]> {
  const startMs = performance.now()
  const happened: string[] = []
  const goingOn = new Set<Promise<void>>()
  const note = (what: string) => {
    happened.push(`${((performance.now() - startMs) / 1_000).toFixed(1)} s ${what}`)
    tell(happened.at(-1)!)
  }
  for (const { kind, atMs, lastsMs: toLastMs } of plan) {
    await delay(Math.max(0, startMs + atMs - performance.now()))
    while (goingOn.size >= town.atOnce) await Promise.race(goingOn)
    const { what, makeGood } = await town.happen(kind, random)
    note(what)
    const ends = delay(toLastMs)
      .then(makeGood)
      .finally(() => goingOn.delete(ends))
    goingOn.add(ends)
  }
  await Promise.all(goingOn)
  return happened
}

/** The report for a person. */
export function describeDay({ phases, errors, audit }: DayReport): string {
  const head = ['part of the day', 'requests', 'errors', 'unknown', 'replayed', 'stale', 'p50 ms', 'p99 ms', 'max ms']
  const rows = phases.map(({ phase, requests, errors: wrong, unknown, replayed, stale, latency }) => {
    const times = [latency.percentileMs(0.5), latency.percentileMs(0.99), latency.maxMs].map((ms) => ms.toFixed(1))
    return [phase, ...[requests, wrong, unknown, replayed, stale].map(String), ...times]
  })
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)))
  const table = [head, ...rows].map((row) => row.map((cell, column) => cell.padStart(widths[column]!)).join('  '))
  return [...table, ...errors, ...(audit === null ? [] : [audit])].join('\n')
}
