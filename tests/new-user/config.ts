/** Options of the measurement. */
import { z } from 'zod'
import { flag } from '../../checkpoint/units.ts'

export const newUserOptions = z.object({
  cold: flag
    .default(false)
    .meta({ description: 'with caches of npm, Maven and Kafka that are empty: everything is downloaded' }),
  embedded: flag
    .default(false)
    .meta({ description: 'as on a machine without Java and Docker: the demo runs on the embedded journal' }),
  json: flag.default(false).meta({ description: 'prints the same as one line of JSON' }),
})
export type NewUserOptions = z.infer<typeof newUserOptions>
