/** `heartline journal`: prints a journal's records with their verdicts, for a person chasing a fault. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { journalOptions } from '../../checkpoint/config.ts'
import { openJournalReads } from '../../checkpoint/journal-reads.ts'
import { flag } from '../../checkpoint/units.ts'
import { LineOutput } from './line-output.ts'
import { printJournal } from './print-journal.ts'

const offset = z.coerce.number('expected an offset').int('expected an offset').min(0, 'expected an offset from 0')

export const journalCommandOptions = journalOptions.extend({
  shard: z.coerce.number().int().min(0).default(0).meta({ description: 'whose journal: PREFIX.journal.SHARD' }),
  topic: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,249}$/, 'expected letters, digits and . _ - only')
    .optional()
    .meta({
      description: 'another journal by its whole name, such as heartline.decisions: what the receivers decided',
    }),
  from: offset.optional().meta({ description: 'first offset to print (default: the first that is still there)' }),
  limit: z.coerce
    .number()
    .int()
    .min(1, 'expected 1 or more')
    .optional()
    .meta({ description: 'prints no more than so many records' }),
  void: flag.default(false).meta({ description: 'prints void records only' }),
  follow: flag.default(false).meta({ description: 'goes on as records come' }),
})
export type JournalCommandOptions = z.infer<typeof journalCommandOptions>

/** Prints to standard output. Rejects, after printing it, at a record that cannot be read. */
export async function runJournal(options: JournalCommandOptions, log: Logger, signal: AbortSignal): Promise<number> {
  const { kafka, topicPrefix, shard } = options
  const topic = options.topic ?? `${topicPrefix}.journal.${shard}`
  const output = new LineOutput(process.stdout)
  const reads = await openJournalReads({ kafka, topic, clientId: 'heartline-journal', log })
  try {
    await printJournal(options, { reads, output, log }, signal)
  } finally {
    await reads.close()
  }
  return 0
}
