/** Options of everything that keeps a journal. `meta.flag` is the command-line name where it is not the key in kebab-case. */
import { z } from 'zod'
import { journalPlace } from './journal-place.ts'
import { defaultLimits } from './limits.ts'
import { byteCount, durationMs, textList } from './units.ts'

/** What `--kafka` takes. */
export const journalPlaceList = textList.superRefine((entries, context) => {
  const place = journalPlace(entries)
  if (place.kind === 'wrong') context.addIssue({ code: 'custom', message: place.problem })
})

export const journalOptions = z.object({
  kafka: journalPlaceList.prefault('127.0.0.1:9092').meta({
    description:
      'Kafka brokers, HOST:PORT, comma separated; or file:DIR, the embedded journal for one machine without Kafka',
  }),
  topicPrefix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'expected letters, digits and . _ - only')
    .default('heartline')
    .meta({ description: 'what the names of the Kafka topics begin with; one installation, one prefix' }),
})
export type JournalOptions = z.infer<typeof journalOptions>

const count = z.coerce.number().int('expected a whole number').min(1, 'expected a whole number above 0')

/** The limits of a checkpoint that have flags. The others are for programs: see `CheckpointLimits`. */
export const limitOptions = {
  transactionBytes: byteCount
    .prefault(defaultLimits.transactionBytesMax)
    .meta({ description: 'most bytes of one transaction as journaled; then 413' }),
  groupBytes: byteCount
    .prefault(defaultLimits.groupBytesMax)
    .meta({ description: "most bytes of transactions in one record; below the topic's max.message.bytes" }),
  responseBytes: byteCount
    .prefault(defaultLimits.responseBytesMax)
    .meta({ description: 'most bytes of one answer that is recorded; then 413' }),
  queueRequests: count
    .default(defaultLimits.queueMax)
    .meta({ description: 'most transactions and reads that wait for the journal; then 503' }),
  queueBytes: byteCount
    .prefault(defaultLimits.queueBytesMax)
    .meta({ description: 'most bytes of transactions that wait for the journal; then 503' }),
  clientKeys: count
    .default(defaultLimits.keysMax)
    .meta({ description: "most of clients' Idempotency-Keys remembered; full of young ones: 503" }),
  clientKeyAge: durationMs.prefault('24h').meta({ description: "how long a client's Idempotency-Key is remembered" }),
  snapshotTail: byteCount.prefault(defaultLimits.snapshotTailBytes).meta({
    description:
      'no snapshot is taken before the journal has grown by this much, nor before it has grown by the size of the state',
  }),
}

/** The secret that the processes of one installation share. */
export const tokenOption = z
  .string()
  .min(8, 'expected at least 8 characters')
  .max(1024, 'expected at most 1024 characters')
  .optional()
  .meta({
    description:
      'secret shared by all processes; needed to listen beyond loopback; HEARTLINE_TOKEN_FILE names a file that holds it',
  })

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** How much a process says. */
export const logLevelOption = z
  .enum(logLevels)
  .default('info')
  .meta({ description: 'least severe log line that is written' })
