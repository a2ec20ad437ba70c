/** The closed-loop load: each connection sends its next request when the last is answered. By wrk, or by Node where it is missing. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { BenchError } from '../errors.ts'
import { findProgram } from '../peers/installed.ts'

const run = promisify(execFile)
const nodeClient = fileURLToPath(new URL('./node-client.ts', import.meta.url))

export interface LoadRun {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  readonly asks: Asks
}

/** Bookings of seats whose names begin with `text`: unique, so that every booking is a new one; or reads of the path `text`, the same each time. */
export interface Asks {
  readonly kind: 'bookings' | 'reads'
  readonly text: string
}

const loadResult = z.object({
  requests: z.number().int().positive(),
  durationUs: z.number().positive(),
  p50Us: z.number().positive(),
  p99Us: z.number().positive(),
  /** Answers that were not 2xx, and requests without an answer. */
  failed: z.number().int(),
})
export type LoadResult = z.infer<typeof loadResult>

export interface LoadGenerator {
  /** For the report. */
  readonly description: string
  /** @throws BenchError LOAD_FAILED on any error or answer that is not 2xx. */
  run(load: LoadRun): Promise<LoadResult>
}

export async function findLoadGenerator(cpus: string | undefined): Promise<LoadGenerator> {
  const wrk = await findProgram('wrk')
  const pinned = cpus === undefined ? [] : ['taskset', '-c', cpus]
  if (wrk !== undefined) {
    return {
      description: 'wrk, one thread',
      run: ({ port, connections, seconds, asks: { kind, text } }) => {
        const script = fileURLToPath(new URL(`./${kind}.lua`, import.meta.url))
        const shape = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}`]
        return runClient([...pinned, wrk, ...shape, '--', text], seconds)
      },
    }
  }
  return {
    description: 'a client of its own in Node, as wrk is not installed (it takes more of the processor than wrk)',
    run: ({ port, connections, seconds, asks: { kind, text } }) => {
      const shape = [port, connections, seconds, kind, text].map(String)
      return runClient([...pinned, process.execPath, nodeClient, ...shape], seconds)
    },
  }
}

async function runClient([file, ...args]: string[], seconds: number): Promise<LoadResult> {
  const { stdout } = await run(file!, args, { timeout: seconds * 1_000 + 30_000 }).catch((cause) => {
    throw new BenchError('LOAD_FAILED', `the load generator failed: ${cause.stderr || cause.message}`, cause)
  })
  const result = loadResult.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
  if (result.failed > 0)
    throw new BenchError(
      'LOAD_FAILED',
      `${result.failed} of ${result.requests} requests failed or were not answered by 2xx`,
    )
  return result
}
