/** What a restoring process and a bare reader tell of themselves, measured alike. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Sent to a process that is ready: read everything, up to the end of the journal as it is now. */
export interface Go {
  readonly journalEnd: number
}

export interface Measured {
  /** From the word to begin to the last record, milliseconds. */
  readonly tookMs: number
  /** Longest time in which the event loop did nothing else, milliseconds. */
  readonly heldMs: number
  readonly cpuMs: number
  /** Once all that can be given back is given back, bytes. */
  readonly residentBytes: number
  readonly externalBytes: number
  readonly heapBytes: number
  /** The most that was resident, bytes. */
  readonly peakBytes: number
}

const resolutionMs = 1
const kibibyte = 1024

/** Runs `work` and tells what it took. */
export async function measure(work: () => Promise<void>): Promise<Measured> {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  await work()
  const tookMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpuBefore)
  await new Promise((resolve) => setTimeout(resolve, 2 * resolutionMs)) // the last hold is counted when it is over
  delay.disable()
  const peakBytes = process.resourceUsage().maxRSS * kibibyte
  globalThis.gc?.()
  const { rss, external, heapUsed } = process.memoryUsage()
  return {
    tookMs,
    heldMs: Math.max(0, delay.max / 1e6 - resolutionMs),
    cpuMs: (user + system) / 1_000,
    residentBytes: rss,
    externalBytes: external,
    heapBytes: heapUsed,
    peakBytes,
  }
}
