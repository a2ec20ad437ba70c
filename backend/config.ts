/** Options of a backend: one table that makes flags, environment, `--help` and the README's list. */
import { hostname } from 'node:os'
import { z } from 'zod'
import { journalOptions, limitOptions, logLevelOption, tokenOption } from '../checkpoint/config.ts'
import type { CheckpointLimits } from '../checkpoint/index.ts'
import { limitProblems } from '../checkpoint/limits.ts'
import { flag, port, textList } from '../checkpoint/units.ts'

/** The options of a backend, each with its default: `backendOptions.parse({ port: 9001 })`, or as flags and environment by the commands. */
export const backendOptions = journalOptions.extend({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ description: 'address to listen on; beyond loopback only with --token' }),
  port: port.default(9001).meta({ description: 'port to listen on; 0 takes a free one' }),
  name: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected letters, digits and . _ : - only')
    .optional()
    .meta({ description: `name that survives restarts (default: host name and port, such as ${hostname()}:9001)` }),
  url: z
    .url({ protocol: /^https?$/, error: 'expected a URL such as http://10.0.0.5:9001' })
    .optional()
    .meta({ description: 'what the balancer should dial (default: http://HOST:PORT)' }),
  weight: z.coerce
    .number()
    .positive('expected a number above 0')
    .max(1_000_000)
    .default(1)
    .meta({ description: 'preference at an election among backends equally far in the journal' }),
  direct: flag.default(true).meta({
    description:
      'balancers and receivers reach this backend with no proxy or NAT between: a refused connection then proves its death',
  }),
  receivers: textList
    .prefault('ws://127.0.0.1:7070')
    .meta({ description: 'heartbeat receivers, ws:// URLs, comma separated' }),
  token: tokenOption,
  crash: z.coerce
    .number()
    .min(0)
    .max(1, 'expected a chance from 0 to 1')
    .default(0)
    .meta({ description: 'chance, at each heartbeat, that this backend crashes (for trying failures)' }),
  logLevel: logLevelOption,
  ...limitOptions,
})
/** What {@link backendOptions} gives. */
export type BackendOptions = z.infer<typeof backendOptions>
/** What {@link backendOptions} takes: every option may be left out, and be text as in a flag. */
export type BackendSettings = z.input<typeof backendOptions>

/** Which limit of the checkpoint an option sets. */
const limitOf = {
  transactionBytes: 'transactionBytesMax',
  groupBytes: 'groupBytesMax',
  responseBytes: 'responseBytesMax',
  queueRequests: 'queueMax',
  queueBytes: 'queueBytesMax',
  clientKeys: 'keysMax',
  clientKeyAge: 'keyAgeMs',
  snapshotTail: 'snapshotTailBytes',
} as const satisfies Record<keyof typeof limitOptions, keyof CheckpointLimits>
const limitEntries = Object.entries(limitOf) as [keyof typeof limitOf, keyof CheckpointLimits][]

/** The limits of the checkpoint that have flags. */
export function limitsOf(options: BackendOptions): Partial<CheckpointLimits> {
  return Object.fromEntries(limitEntries.map(([option, limit]) => [limit, options[option]]))
}

/** Options that make no sense together, told by their own names: for a command line made of {@link backendOptions}. */
export function checkLimits(options: BackendOptions, context: z.core.$RefinementCtx<unknown>): void {
  for (const { limit, problem } of limitProblems(limitsOf(options))) {
    const option = limitEntries.find(([, name]) => name === limit)?.[0] ?? 'transactionBytes'
    const message = limitEntries.reduce((text, [own, name]) => text.replaceAll(name, own), problem)
    context.issues.push({ code: 'custom', path: [option], message, input: options[option] })
  }
}
