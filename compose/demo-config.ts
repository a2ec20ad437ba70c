/** Options of the demo. */
import { z } from 'zod'
import { journalPlaceList, logLevels } from '../checkpoint/config.ts'
import { durationMs } from '../checkpoint/units.ts'
import { liveOption } from './live/config.ts'
import { loadFields } from './load/config.ts'

const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')

export const demoOptions = z.object({
  kafka: journalPlaceList.optional().meta({
    description:
      'Kafka brokers to use, comma separated, or file:DIR for the embedded journal; without it a Kafka is started here, or in Docker, or if neither can be, the embedded journal is used',
  }),
  kills: wholeNumber.min(0).max(1_000).default(3).meta({
    description:
      'how often the active is killed; with 0 it goes on until Ctrl-C, and the dashboard has a button that kills',
  }),
  signal: z
    .enum(['SIGKILL', 'SIGSTOP'])
    .default('SIGKILL')
    .meta({ description: 'SIGKILL kills it; SIGSTOP makes it hang, and lets it go on as a zombie later' }),
  backends: wholeNumber.min(2).max(20).default(3).meta({ description: 'how many backends' }),
  keys: wholeNumber
    .min(0)
    .max(9_999_999)
    .default(0)
    .meta({ description: 'how many keys of about 100 bytes the state holds to begin with' }),
  calmMs: durationMs
    .prefault('1200ms')
    .meta({ description: 'load between a recovery and the next failure', flag: 'calm' }),
  ...loadFields.pick({ rate: true, clients: true, writeRatio: true, seed: true, json: true }).shape,
  live: liveOption,
  logLevel: z
    .enum(logLevels)
    .default('warn')
    .meta({ description: 'least severe line of the processes that is shown, beside the story itself' }),
})
export type DemoOptions = z.infer<typeof demoOptions>
