/** Options of the fault suite. */
import { z } from 'zod'
import { rows } from './rows/table.ts'

const number = z.coerce.number('expected a number')
const names = rows.map(({ name }) => name)

export const faultsOptions = z.object({
  repeat: number.int().min(1).max(10_000).default(1).meta({ description: 'how often each row is run' }),
  only: z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim()))
    .refine(
      (asked) => asked.every((name) => names.some((known) => known.includes(name))),
      `expected (parts of) names of rows, comma separated: ${names.join(', ')}`,
    )
    .optional()
    .meta({ description: 'rows whose names contain one of these, comma separated; without it all' }),
  jobs: number.int().min(1).max(16).default(1).meta({ description: 'how many installations are used side by side' }),
  seed: number
    .int()
    .min(0)
    .max(0xffff_ffff)
    .default(1)
    .meta({ description: 'the same seed sends the same operations' }),
  network: z
    .enum(['auto', 'namespaces', 'proxies'])
    .default('auto')
    .meta({ description: 'how connections are cut; auto takes network namespaces where it may' }),
  outcomes: z.string().optional().meta({
    description: 'file that gets a JSON line of each run; with what stands there, the table is of all of them',
  }),
  table: z.string().optional().meta({ description: 'file that gets the table of results, such as docs/faults.md' }),
})
export type FaultsOptions = z.infer<typeof faultsOptions>
