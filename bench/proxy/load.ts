/** The load: wrk, one thread, each connection sends its next request when the last is answered. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { BenchError } from '../errors.ts'
import { requireProgram } from '../peers/installed.ts'
import { pinned } from './placement.ts'
import { answerBytes } from './upstream.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('./load.lua', import.meta.url))
/** wrk counts a request without an answer for so long as an error, seconds. */
const answerTimeoutSeconds = 10

export const methods = ['GET', 'POST'] as const
export type Method = (typeof methods)[number]
/** Body of a POST of the load, bytes. */
export const postBytes = 1_024

export interface LoadShape {
  readonly connections: number
  readonly seconds: number
}

const loadResult = z.object({
  requests: z.number().int(),
  durationUs: z.number(),
  p50Us: z.number(),
  p99Us: z.number(),
  /** All that was read, headers too. */
  answerBytes: z.number(),
  /** Answers that were not 2xx, and requests without an answer. */
  failed: z.number().int(),
})
export type LoadResult = z.infer<typeof loadResult>

export interface LoadGenerator {
  /** @throws BenchError LOAD_FAILED on any error, or an answer that is not 2xx. */
  run(port: number, method: Method, shape: LoadShape): Promise<LoadResult>
}

/** @throws BenchError PEER_MISSING */
export async function findLoadGenerator(cpus: string | undefined): Promise<LoadGenerator> {
  const wrk = await requireProgram('wrk', 'wrk, the load generator of this benchmark,')
  return {
    async run(port, method, { connections, seconds }) {
      const bodyBytes = method === 'POST' ? postBytes : 0
      const shape = ['-t1', `-c${connections}`, `-d${seconds}s`, `--timeout`, `${answerTimeoutSeconds}s`]
      const command = pinned(cpus, wrk, [
        ...shape,
        '-s',
        script,
        `http://127.0.0.1:${port}/`,
        '--',
        method,
        `${bodyBytes}`,
      ])
      const timeout = (seconds + answerTimeoutSeconds) * 1_000 + 10_000
      const { stdout } = await run(command.file, command.args, { timeout }).catch((cause) => {
        throw new BenchError('LOAD_FAILED', `wrk failed: ${cause.stderr || cause.message}`, cause)
      })
      const result = loadResult.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
      const { failed, requests } = result
      if (failed > 0 || requests === 0)
        throw new BenchError('LOAD_FAILED', `${failed} of ${requests} ${method}s failed or were not answered by 2xx`)
      if (result.answerBytes < requests * answerBytes)
        throw new BenchError('LOAD_FAILED', `the answers to ${requests} ${method}s were too short`)
      return result
    },
  }
}
