/** Options of the servers that the balancer spawns itself. */
import { z } from 'zod'
import { durationMs, port } from '../../checkpoint/units.ts'
import { parseCommand } from './command-line.ts'
import { defaultKeeperSettings } from './keeper.ts'
import { replicasMax } from './replica-names.ts'

/** How many servers are kept alive: a number, or as many as the load needs between two bounds. */
export type ReplicaCount = { kind: 'fixed'; count: number } | { kind: 'auto'; min: number; max: number }

const countForm = /^(?:(\d{1,4})|auto:(\d{1,4})-(\d{1,4}))$/

const replicaCount = z.union([z.number(), z.string()]).transform((value, context): ReplicaCount => {
  const [found, count, min, max] = countForm.exec(String(value).trim()) ?? []
  if (count !== undefined && Number(count) <= replicasMax) return { kind: 'fixed', count: Number(count) }
  if (found && count === undefined && Number(min) >= 1 && Number(min) <= Number(max) && Number(max) <= replicasMax)
    return { kind: 'auto', min: Number(min), max: Number(max) }
  context.addIssue({ code: 'custom', message: `expected a number such as 3, or auto:MIN-MAX; ${replicasMax} at most` })
  return z.NEVER
})

export const replicaOptions = {
  replicas: replicaCount.optional().meta({
    description: 'how many servers are spawned and kept alive, such as 3, or auto:2-10 for as many as the load needs',
  }),
  replicaRate: z.coerce
    .number()
    .positive('expected requests a second, such as 50')
    .max(1_000_000)
    .optional()
    .meta({ description: 'requests a second that one server serves well, for --replicas auto' }),
  replicaSeasonMs: durationMs
    .refine((value) => value === 0 || (value >= 600_000 && value <= 7 * 86_400_000), 'expected 0, or from 10m to 168h')
    .prefault('24h')
    .meta({
      description: 'after how long the load repeats itself, for the forecast of --replicas auto; 0 for never',
      flag: 'replica-season',
    }),
  spawn: z
    .string()
    .refine((text) => parseCommand(text) !== undefined, 'expected a command, or docker:IMAGE')
    .optional()
    .meta({
      description:
        'command that starts a server, with {name} and {port} (or PORT in its environment), or docker:IMAGE with arguments',
    }),
  spawnPort: port
    .refine((value) => value > 0, 'expected a port from 1 to 65535')
    .optional()
    .meta({ description: 'port on which a container listens (default: a free one, which it is told)' }),
  spawnNetwork: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'expected the name of a Docker network')
    .optional()
    .meta({
      description:
        'Docker network that containers join, and on which the balancer is (default: a port of loopback is published)',
    }),
  spawnTimeoutMs: durationMs
    .refine((value) => value >= 100 && value <= 3_600_000, 'expected from 100ms to 1h')
    .prefault('30s')
    .meta({ description: 'how long a spawned server may take to accept connections', flag: 'spawn-timeout' }),
  spawnCrashes: z.coerce
    .number()
    .int('expected a whole number')
    .min(1)
    .max(1_000)
    .default(defaultKeeperSettings.crashesMax)
    .meta({ description: 'how many crashes in 10 minutes, none after 10 s of service, until a server is given up' }),
}

type ReplicaValues = z.output<z.ZodObject<typeof replicaOptions>>

/** What the options demand of each other. */
export function checkReplicaOptions(options: ReplicaValues, context: z.RefinementCtx): void {
  const blame = (key: keyof ReplicaValues, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message })
  const { replicas, replicaRate, spawn, spawnPort, spawnNetwork } = options
  if (replicas && spawn === undefined) blame('replicas', 'expected --spawn too: the command that starts one')
  if (replicas?.kind === 'auto' && replicaRate === undefined)
    blame('replicas', 'expected --replica-rate too: the requests a second that one server serves well')
  const docker = spawn !== undefined && parseCommand(spawn)?.kind === 'docker'
  if (spawnPort !== undefined && !docker) blame('spawnPort', 'expected only with --spawn docker:IMAGE')
  if (spawnNetwork !== undefined && !docker) blame('spawnNetwork', 'expected only with --spawn docker:IMAGE')
}
