/** Options of the simulation. */
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { flag } from '../../checkpoint/units.ts'
import { faultKinds } from './plan.ts'

const count = z.coerce.number('expected a number').int('expected a whole number')

export const simulationOptions = z.object({
  seeds: count.min(1).max(10_000_000).default(1_000).meta({ description: 'how many worlds' }),
  from: count.min(0).max(2_000_000_000).default(1).meta({ description: 'seed of the first; each world has the next' }),
  workers: count
    .min(1)
    .max(256)
    .default(availableParallelism())
    .meta({ description: 'processes that run worlds; default one for each core' }),
  only: z
    .enum(faultKinds)
    .optional()
    .meta({ description: 'a kind of fault: worlds have no other, to see that it happens' }),
  mutations: flag.default(false).meta({
    description: 'take the rules of the protocol out of the code one by one, and see that each is missed',
  }),
  verbose: flag.default(false).meta({ description: 'print the whole story of each world; for one or a few' }),
})
export type SimulationOptions = z.infer<typeof simulationOptions>
