/** What a process has used so far, as Linux tells. */
import { readFile } from 'node:fs/promises'

/** Clock ticks a second, which Linux has fixed for programs. */
const ticksPerSecond = 100

export interface ProcessCost {
  /** Processor time of all its threads, milliseconds. */
  readonly cpuMs: number
  readonly residentBytes: number
}

/** Reads `/proc`. Rejects if the process is gone, or this is no Linux. */
export async function costOf(pid: number): Promise<ProcessCost> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ])
  return { cpuMs: cpuMsOf(stat), residentBytes: residentBytesOf(status) }
}

/** From the text of `/proc/PID/stat` (proc(5)); the name in parentheses may hold spaces and parentheses. */
export function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [Number(fields[11]), Number(fields[12])]
  if (!Number.isFinite(user + system)) throw new RangeError('not the text of /proc/PID/stat')
  return ((user + system) * 1_000) / ticksPerSecond
}

/** From the text of `/proc/PID/status`. */
export function residentBytesOf(status: string): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kilobytes === undefined) throw new RangeError('not the text of /proc/PID/status')
  return Number(kilobytes) * 1_024
}
