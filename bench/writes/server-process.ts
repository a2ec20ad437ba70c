/** One contender's server: a process of its own on this Node, asked over a channel what its store holds. */
import { startChild } from '../child.ts'
import type { Question, Told } from './servers/serving.ts'

const answerTimeoutMs = 30_000

export interface ServerProcess {
  readonly port: number
  readonly pid: number
  /** Bookings that its store holds. */
  count(): Promise<number>
  /** Processor time used since its start, milliseconds. */
  cpuMs(): Promise<number>
  /** Begins what goes on beside the requests, again and again; the function returned ends it, and resolves with how often it was done. */
  beside(): Promise<() => Promise<number>>
  stop(): Promise<void>
}

/** Starts `servers/MODULE.ts`; resolves when it listens. */
export async function startServer(
  module: string,
  args: readonly string[],
  execArgv: readonly string[] = [],
): Promise<ServerProcess> {
  const path = new URL(`./servers/${module}.ts`, import.meta.url)
  const child = await startChild<Question, Told>(path, args, execArgv)
  return {
    port: (child.first as { port: number }).port,
    pid: child.pid,
    count: async () => ((await child.ask('count', answerTimeoutMs)) as { count: number }).count,
    cpuMs: async () => ((await child.ask('cpu', answerTimeoutMs)) as { cpuMs: number }).cpuMs,
    beside: async () => {
      await child.ask('begin', answerTimeoutMs)
      return async () => ((await child.ask('end', answerTimeoutMs)) as { times: number }).times
    },
    stop: child.stop,
  }
}
