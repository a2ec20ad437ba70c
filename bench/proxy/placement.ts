/** Who runs on which processor, and how much of it a process used. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { parseStat, tickMs } from '../../compose/process-figures.ts'
import { BenchError } from '../errors.ts'
import { findProgram } from '../peers/installed.ts'

const run = promisify(execFile)

/** Lists of processors as taskset takes them; undefined leaves a process to the system. */
export interface Placement {
  readonly proxy: string | undefined
  /** Load and upstream. */
  readonly others: string | undefined
  /** Proxies of several processes. */
  readonly two: string | undefined
}

/** The proxy alone on the first processor, all others on the rest, where there is taskset and more than one. */
export async function choosePlacement(pin: 'none' | 'split'): Promise<Placement> {
  const count = availableParallelism()
  if (pin === 'none' || count < 2 || (await findProgram('taskset')) === undefined)
    return { proxy: undefined, others: undefined, two: undefined }
  return { proxy: '0', others: count === 2 ? '1' : `1-${count - 1}`, two: '0-1' }
}

/** The command that runs `file` on `cpus`; the process id is that of `file` itself. */
export function pinned(cpus: string | undefined, file: string, args: readonly string[]) {
  return cpus === undefined ? { file, args } : { file: 'taskset', args: ['-c', cpus, file, ...args] }
}

/** Moves a running process, with all its threads. */
export async function pin(pid: number, cpus: string | undefined): Promise<void> {
  if (cpus === undefined) return
  await run('taskset', ['-a', '-p', '-c', cpus, `${pid}`]).catch((cause) => {
    throw new BenchError('PEER_FAILED', `taskset could not pin process ${pid} to ${cpus}: ${cause.message}`, cause)
  })
}

/** Processor time, user and system, that a process and its descendants used since they started, milliseconds; to 10 ms each. */
export async function treeCpuMs(root: number): Promise<number> {
  const entries = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = (await Promise.all(entries.map(readStat))).filter((stat) => stat !== undefined)
  const children = Map.groupBy(stats, ({ parent }) => parent)
  const own = stats.find(({ pid }) => pid === root)
  if (own === undefined) throw new BenchError('CONTENDER_WRONG', `process ${root} is gone`)
  let ticks = 0
  for (const open = [own]; open.length > 0; ) {
    const process = open.pop()!
    ticks += process.ticks
    open.push(...(children.get(process.pid) ?? []))
  }
  return ticks * tickMs
}

async function readStat(pid: string) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : parseStat(text)
}
