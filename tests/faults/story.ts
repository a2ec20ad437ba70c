/** What is kept of a run that failed, so that a person can see what happened. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keyOf } from '../../compose/load/verify.ts'
import type { Recorded } from './client.ts'
import type { Installation, SaidLine } from './installation.ts'
import type { RowRun } from './run-row.ts'
import type { Violation } from './verdict.ts'

/** Operations and lines that are shown around a violation; all of them are in the files. */
const shownMax = 6

/** What an installation says of itself. */
export type Logs = Pick<Installation, 'lines' | 'brokerLogs'>

/** Writes the story, the history and the log of each process; resolves with what to print. */
export async function keepStory(folder: string, run: RowRun, system: Logs): Promise<string> {
  await mkdir(folder, { recursive: true })
  const story = tellStory(run)
  await writeFile(join(folder, 'story.txt'), `${story}\n`)
  await writeFile(join(folder, 'history.jsonl'), jsonLines(run.history))
  await keepLogs(folder, system)
  return `${story}\n  kept in ${folder}`
}

/** The log of each process, and all of them together in the order of their lines. */
export async function keepLogs(folder: string, { lines, brokerLogs }: Logs): Promise<void> {
  await mkdir(folder, { recursive: true })
  // A broker that was never started has none.
  await Promise.all(brokerLogs.map(([name, path]) => copyFile(path, join(folder, name)).catch(() => {})))
  for (const [process, said] of Map.groupBy(lines, (line) => line.process))
    await writeFile(join(folder, `${process}.log`), jsonLines(said.map(({ atMs, line }) => ({ atMs, ...line }))))
  await writeFile(join(folder, 'all.log'), lines.map(showLine).join('\n'))
}

export function tellStory({ row, run, violations, notes, history }: RowRun): string {
  return [
    `${row.name} (${run}): ${row.event}`,
    '  what was done:',
    ...notes.map(({ atMs, text }) => `    ${clock(atMs)} ${text}`),
    ...[...Map.groupBy(violations, ({ kind, key, what }) => `${kind} ${key ?? what}`).values()].flatMap(
      ([first, ...alike]) => [
        ...tellViolation(first!, history),
        ...(alike.length > 0 ? [`    and ${alike.length} more of this kind on ${first!.key}`] : []),
      ],
    ),
  ].join('\n')
}

function tellViolation(violation: Violation, history: readonly Recorded[]): string[] {
  const { kind, what, count, key, atMs } = violation
  const around = history.filter(({ operation }) => key !== undefined && keyOf(operation) === key)
  const nearest =
    atMs === undefined ? around : around.toSorted((one, other) => distance(one, atMs) - distance(other, atMs))
  const shown = nearest.slice(0, shownMax).toSorted((one, other) => one.startMs - other.startMs)
  return [
    `  VIOLATED ${kind}${count > 1 ? ` (${count})` : ''}: ${what.replaceAll('\n', '\n    ')}`,
    ...shown.map((recorded) => `    ${showOperation(recorded)}`),
    ...(around.length > shown.length ? [`    and ${around.length - shown.length} more on ${key}`] : []),
  ]
}

function distance({ endMs }: Recorded, atMs: number): number {
  return Math.abs(endMs - atMs)
}

function showOperation({ client, operation, startMs, endMs, outcome, status, backend, epoch, troubles }: Recorded) {
  const told = outcome.type === 'answered' ? JSON.stringify(outcome.answer) : `${outcome.type} ${outcome.code}`
  const trouble = troubles.map(({ type, atMs }) => ` ${type} at ${clock(atMs)}`).join('')
  return `${clock(startMs)}-${clock(endMs)} client ${client} ${Object.values(operation).join(' ')} -> ${status} ${told} by ${backend || 'nobody'} epoch ${epoch}${trouble}`
}

function showLine({ atMs, process, line }: SaidLine): string {
  const { level: _level, time: _time, pid: _pid, hostname: _host, name: _name, msg, ...rest } = line
  return `${clock(atMs)} ${process.padEnd(12)} ${msg ?? ''} ${JSON.stringify(rest)}`
}

/** Seconds and milliseconds of the minute: within a run that says it all. */
function clock(atMs: number): string {
  return new Date(atMs).toISOString().slice(14, 23)
}

function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
}
