/** Options of the soak. */
import { z } from 'zod'
import { logLevels } from '../../checkpoint/config.ts'
import { byteCount, durationMs } from '../../checkpoint/units.ts'

const number = z.coerce.number('expected a number')

export const soakOptions = z.object({
  minutes: number.min(0.1).max(1_440).default(10).meta({ description: 'how long to write' }),
  rate: number.min(1).max(100_000).default(2_000).meta({ description: 'writes per second, sent at fixed times' }),
  clients: number.int().min(1).max(10_000).default(50).meta({ description: 'keep-alive connections' }),
  killEveryMs: durationMs.prefault('20s').meta({ description: 'time between kills of the active', flag: 'kill-every' }),
  sampleEveryMs: durationMs
    .prefault('5s')
    .meta({ description: 'time between two lines of the table', flag: 'sample-every' }),
  snapshotTailBytes: byteCount.prefault('8MiB').meta({
    description: 'how much journal makes a snapshot worth while: small, so that many are taken',
    flag: 'snapshot-tail',
  }),
  backends: number.int('expected a whole number').min(2).max(20).default(3).meta({ description: 'how many backends' }),
  seed: number.int().min(0).max(0xffff_ffff).default(1).meta({ description: 'the same seed sends the same mix' }),
  logLevel: z
    .enum(logLevels)
    .default('fatal')
    .meta({ description: 'least severe line of the processes that is shown on standard error' }),
})
export type SoakOptions = z.infer<typeof soakOptions>
