/** Options of an agent: one table that makes flags, environment, `--help` and the README's list. */
import { hostname } from 'node:os'
import { z } from 'zod'
import { logLevelOption } from '../../checkpoint/config.ts'
import { durationMs } from '../../checkpoint/units.ts'
import { isLoopback } from '../../heartbeat-receiver/token.ts'
import { backendOptions } from '../config.ts'

const positiveMs = durationMs.refine((ms) => ms > 0, 'expected a time above 0')
const { receivers, weight, token, direct, name } = backendOptions.shape

export const agentOptions = z.object({
  url: z
    .url({ protocol: /^https?$/, error: 'expected a URL such as http://127.0.0.1:3000' })
    .refine((url) => new URL(url).pathname === '/', 'expected a URL without a path; --check takes the path to ask')
    .meta({ description: 'where the server listens: what is checked, and what balancers dial' }),
  check: z
    .string()
    .regex(/^\/[!-~]*$/, 'expected a path such as /health')
    .max(2_048)
    .optional()
    .meta({
      description: 'path to GET; 200 to 399 is well (default: a connection that is accepted is enough)',
    }),
  name: name.meta({
    description: `name that survives restarts (default: host name and port, such as ${hostname()}:3000)`,
  }),
  receivers,
  weight: weight.meta({ description: 'its share beside the others, and its preference at an election' }),
  direct,
  token,
  checkIntervalMs: positiveMs
    .prefault('1s')
    .meta({ flag: 'check-interval', description: 'from one check to the next, while the server is well' }),
  checkTimeoutMs: positiveMs
    .prefault('1s')
    .meta({ flag: 'check-timeout', description: 'how long the answer to a check may take' }),
  checkFailures: z.coerce
    .number()
    .int('expected a whole number')
    .min(1)
    .max(1_000)
    .default(3)
    .meta({ description: 'so many checks in a row must fail; a refused connection counts for all of them' }),
  drainMs: durationMs.prefault('500ms').meta({
    flag: 'drain',
    description: 'at the end: how long the command goes on after the balancers turned away, for requests under way',
  }),
  stopTimeoutMs: positiveMs.prefault('5s').meta({
    flag: 'stop-timeout',
    description: 'at the end: how long the command may take after SIGTERM, before SIGKILL',
  }),
  logLevel: logLevelOption,
  command: z
    .array(z.string())
    .default([])
    .meta({ rest: 'COMMAND ARGS', description: 'the server itself, run as a child: its death is seen at once' }),
})
export type AgentOptions = z.infer<typeof agentOptions>

/** The name of a server that was given none: this host and the server's port, or the server's own host if it is another. */
export function nameOf(url: string): string {
  const { hostname: host, port, protocol } = new URL(url)
  const bare = host.replace(/^\[|\]$/g, '')
  return `${isLoopback(bare) ? hostname() : bare}:${port || (protocol === 'https:' ? 443 : 80)}`
}
