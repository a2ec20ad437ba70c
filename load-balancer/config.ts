/** Options of the balancer. `meta.flag` is the command-line name where it is not the key in kebab-case. */
import { z } from 'zod'
import { journalOptions, logLevelOption, tokenOption } from '../checkpoint/config.ts'
import { byteCount, durationMs, port, share, textList } from '../checkpoint/units.ts'
import { checkTlsOptions, tlsOptions } from '../heartbeat-receiver/tls-options.ts'
import { connectionLimitOptions } from './connection-limits-config.ts'
import { parseRegistration } from './registration.ts'
import { checkReplicaOptions, replicaOptions } from './replicas/config.ts'
import { sendingOptions, strategyNames, strategyOptions } from './strategies/config.ts'
import { isTrustEntry } from './trust.ts'

/** To the active alone, or to one of the members. */
export const strategies = ['active', ...strategyNames] as const

const options = z.object({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ description: 'address to listen on; beyond loopback only with a token' }),
  port: port.default(8080).meta({ description: 'port for clients' }),
  adminPort: port.default(8081).meta({ description: 'port for health, metrics and administration' }),
  receivers: textList
    .prefault('ws://127.0.0.1:7070')
    .transform((urls) => (urls.length === 1 && urls[0] === 'none' ? [] : urls))
    .meta({ description: 'heartbeat receivers whose decisions are followed, comma separated; none for none' }),
  kafka: journalOptions.shape.kafka.meta({
    description: 'where the receivers record their decisions, read while none of them is heard: as theirs',
  }),
  topicPrefix: journalOptions.shape.topicPrefix,
  backends: textList
    .refine(areRegistrations, 'expected URLs, comma separated, each once, such as a=http://127.0.0.1:3000*2')
    .default([])
    .meta({ description: 'backends that send no heartbeats, comma separated: [NAME=]URL[*WEIGHT]' }),
  token: tokenOption,
  strategy: z
    .enum(strategies, { error: () => `expected ${strategies.join(', ')}` })
    .default('active')
    .meta({ description: 'where a request goes' }),
  reads: z
    .enum(['active', 'standby'], { error: () => 'expected active or standby' })
    .default('active')
    .meta({
      description: 'who answers GET and HEAD where the strategy is active; standbys answer from their own state',
    }),
  // Longer than a standby waits between two looks at the journal's end, so that one that is well never refuses.
  readsStalenessMs: durationMs.prefault('1s').meta({
    description: 'how old the answer of a standby may be; beyond it the active answers',
    flag: 'reads-staleness',
  }),
  ...strategyOptions,
  ...sendingOptions,
  ...replicaOptions,
  // Ten seconds is longer than a failover takes and shorter than most clients wait.
  holdTimeMs: durationMs
    .prefault('10s')
    .meta({ description: 'how long a request is held while no active is ready', flag: 'hold-time' }),
  holdRequests: z.coerce
    .number()
    .int('expected a whole number')
    .min(0)
    .default(10_000)
    .meta({ description: 'how many requests are held at most' }),
  holdBytes: byteCount.prefault('64MiB').meta({ description: 'how many bytes of bodies are held at most' }),
  replayBodyBytes: byteCount
    .prefault('1MiB')
    .meta({ description: 'largest request body that is kept so that it can be sent again', flag: 'replay-body' }),
  tcp: port.optional().meta({ description: 'port for connections of any protocol, which go to the active' }),
  tcpBackendPort: port
    .refine((value) => value > 0, 'expected a port from 1 to 65535')
    .optional()
    .meta({ description: 'port that these reach at the active’s host (default: that of its URL)' }),
  ...tlsOptions,
  backendCa: z.string().min(1).optional().meta({
    description: 'PEM file with the certificates that https:// backends are checked by (default: the system’s)',
  }),
  trustForwarded: textList
    .refine((entries) => entries.every(isTrustEntry), 'expected loopback, addresses or blocks such as 10.0.0.0/8')
    .default([])
    .meta({
      description: 'neighbours whose word on their clients (X-Forwarded-*, Forwarded) is believed, comma separated',
    }),
  ...connectionLimitOptions,
  // A line costs as much as half a request, and metrics tell most of it.
  accessLog: share
    .prefault('0%')
    .meta({ description: 'share of the requests that get a line in the log; 100% for all' }),
  // Each takes a core, and opens connections and a session of its own.
  workers: z.coerce
    .number()
    .int('expected a whole number')
    .min(1)
    .max(256)
    .default(1)
    .meta({ description: 'processes that share the port; more than one where one core is not enough' }),
  name: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[A-Za-z0-9._:-]+$/, 'expected letters, digits and . _ : - only')
    .default('balancer')
    .meta({ description: 'name of this balancer, for logs and receivers' }),
  logLevel: logLevelOption,
})
export const balancerOptions = options
  .superRefine(checkReplicaOptions)
  .superRefine(checkTlsOptions)
  .superRefine(checkTcpOptions)
export type BalancerOptions = z.infer<typeof balancerOptions>

/** Only receivers say who is active. */
function checkTcpOptions(
  { tcp, tcpBackendPort, receivers, workers }: z.output<typeof options>,
  context: z.RefinementCtx,
): void {
  const blame = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
  if (tcp !== undefined && receivers.length === 0) blame('tcp', 'expected --receivers too: they say who is active')
  if (tcp === 0 && workers > 1) blame('tcp', 'expected a port that all workers share, from 1 to 65535')
  if (tcpBackendPort !== undefined && tcp === undefined) blame('tcpBackendPort', 'expected --tcp too')
}

/** True if each names a backend, and no two of them the same. */
function areRegistrations(texts: string[]): boolean {
  const names = texts.map((text) => parseRegistration(text)?.name)
  return !names.includes(undefined) && new Set(names).size === names.length
}
