/** The settings of the strategies: as options of the balancer, and as the body of `PUT /strategy`. */
import { z } from 'zod'
import { parseKeySource } from '../request-key.ts'

export const strategyNames = ['round-robin', 'weighted', 'least-connections', 'consistent-hash', 'peak-ewma'] as const
export type StrategyName = (typeof strategyNames)[number]

const wholeNumber = z.coerce.number().int('expected a whole number')

const fields = {
  hashKey: z.string().refine((text) => parseKeySource(text) !== undefined, {
    error: 'expected address, header:NAME, cookie:NAME or query:NAME',
  }),
  hashSlots: wholeNumber.min(1).max(2 ** 24),
  hashVirtualNodes: wholeNumber.min(1).max(2 ** 14),
  hashBound: z.coerce
    .number()
    .refine((bound) => bound === 0 || (bound >= 1 && bound <= 1_000), { error: 'expected 0, or 1 to 1000' }),
}

/** To be spread into the balancer's options. */
export const strategyOptions = {
  // Every request has one; behind another proxy, or with few clients, a header or cookie spreads better.
  hashKey: fields.hashKey
    .default('address')
    .meta({ description: 'what consistent-hash goes by: address, header:NAME, cookie:NAME or query:NAME' }),
  // Measured: see docs/consistent-hashing.md.
  hashSlots: fields.hashSlots
    .default(65_536)
    .meta({ description: 'places on the ring of consistent-hash; keys of one place stay together' }),
  hashVirtualNodes: fields.hashVirtualNodes
    .default(512)
    .meta({ description: 'points on the ring of consistent-hash for each backend, times its weight' }),
  // As the paper's authors run it: close to even, and few keys are away from home.
  hashBound: fields.hashBound
    .default(1.25)
    .meta({ description: 'most that consistent-hash gives to one backend, times the mean load; 0 for no bound' }),
}

/** A strategy with all its settings. */
export const strategySettings = z.object({ strategy: z.enum(strategyNames), ...strategyOptions })
export type StrategySettings = z.infer<typeof strategySettings>

/** The body of `PUT /strategy`: what is not said stays as it is. */
export const strategyChange = z.strictObject({
  strategy: z.enum(['active', ...strategyNames], { error: () => `expected active, ${strategyNames.join(', ')}` }),
  hashKey: fields.hashKey.optional(),
  hashSlots: fields.hashSlots.optional(),
  hashVirtualNodes: fields.hashVirtualNodes.optional(),
  hashBound: fields.hashBound.optional(),
})
export type StrategyChange = z.infer<typeof strategyChange>
