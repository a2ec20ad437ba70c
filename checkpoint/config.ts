/** Options of everything that keeps a journal. `meta.flag` is the command-line name where it is not the key in kebab-case. */
import { z } from 'zod'
import { textList } from './units.ts'

export const journalOptions = z.object({
  kafka: textList.prefault('127.0.0.1:9092').meta({ description: 'Kafka brokers, HOST:PORT, comma separated' }),
  topicPrefix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'expected letters, digits and . _ - only')
    .default('heartline')
    .meta({ description: 'what the names of the Kafka topics begin with; one installation, one prefix' }),
})
export type JournalOptions = z.infer<typeof journalOptions>
