/** `heartline kafka`. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { logLevelOption } from '../../checkpoint/config.ts'
import { port } from '../../checkpoint/units.ts'
import { startKafka } from './kafka.ts'
import { kafkaVersion } from './runtime.ts'

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/

export const kafkaOptions = z.object({
  host: z
    .string()
    .regex(loopback, 'expected a loopback address such as 127.0.0.1, as this Kafka asks nobody for a password')
    .default('127.0.0.1')
    .meta({ description: 'address to listen on' }),
  port: port.default(9092).meta({ description: 'port of the first broker, the others count up; 0 picks free ones' }),
  brokers: z
    .enum(['1', '3'], { error: () => 'expected 1 or 3' })
    .default('1')
    .meta({ description: 'how many brokers; 3 keep every record twice or more' }),
  data: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'directory that keeps the data; without it a fresh one, removed at the end' }),
  logLevel: logLevelOption,
})
export type KafkaCommandOptions = z.infer<typeof kafkaOptions>

/** Resolves after an orderly end; rejects if Kafka dies by itself. */
export async function runKafka(options: KafkaCommandOptions, log: Logger, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now()
  const kafka = await startKafka({
    host: options.host,
    port: options.port,
    brokers: options.brokers === '3' ? 3 : 1,
    ...(options.data === undefined ? {} : { dataDir: options.data }),
    log,
    signal,
  })
  const address = kafka.brokers.join(',')
  const tookMs = Math.round(performance.now() - startedAt)
  log.info(
    { event: 'listening', url: address, brokers: kafka.brokers, pids: kafka.pids, version: kafkaVersion, tookMs },
    `ready: Kafka ${kafkaVersion} at ${address}`,
  )
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  const death = await Promise.race([signal.aborted ? undefined : aborted, kafka.died])
  await kafka.stop()
  if (death) throw death
  return 0
}
