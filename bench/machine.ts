/** What a benchmark ran on. */
import { cpus, loadavg, release, totalmem, type } from 'node:os'

/** Up to this a machine counts as idle. */
const idleLoadPerCore = 0.25

export interface Machine {
  cpu: string
  cores: number
  memoryGiB: number
  kernel: string
  node: string
  /** Average number of processes that wanted to run in the minute before: what others did to the measurements. */
  loadBefore: number
}

export function describeMachine(): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() || 'unknown CPU',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: `${type()} ${release()}`,
    node: process.versions.node,
    loadBefore: Math.round(loadavg()[0]! * 100) / 100,
  }
}

/** A warning for the report if the machine had other work; undefined if it was idle. Measured beside others, ratios mean little. */
export function noiseNote({ loadBefore, cores }: Pick<Machine, 'loadBefore' | 'cores'>): string | undefined {
  if (loadBefore <= cores * idleLoadPerCore) return undefined
  return `NOT a quiet machine: load average ${loadBefore} on ${cores} cores before the first round; do not quote these figures`
}
