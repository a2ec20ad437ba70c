/** The settings of the strategies: as options of the balancer, and as the body of `PUT /strategy`. */
import { z } from 'zod'
import { durationMs, share } from '../../checkpoint/units.ts'
import { type BreakerLimits, defaultBreakerLimits } from '../circuit-breaker.ts'
import { parseKeySource } from '../request-key.ts'
import type { RetryLimits } from '../retry-budget.ts'

export const strategyNames = ['round-robin', 'weighted', 'least-connections', 'consistent-hash', 'peak-ewma'] as const
export type StrategyName = (typeof strategyNames)[number]

const wholeNumber = z.coerce.number().int('expected a whole number')

const fields = {
  hashKey: z.string().refine((text) => parseKeySource(text) !== undefined, {
    error: 'expected address, header:NAME, cookie:NAME or query:NAME',
  }),
  hashSlots: wholeNumber.min(1).max(2 ** 20),
  hashVirtualNodes: wholeNumber.min(1).max(2 ** 12),
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

/** What bounds the sending to each backend, under every strategy but `active`; to be spread into the balancer's options. */
export const sendingOptions = {
  // Each has a connection of its own: more than a Node backend works on at a time, fewer than the files a process may open.
  backendRequests: wholeNumber
    .min(1)
    .max(10_000)
    .default(256)
    .meta({ description: 'requests in flight at one backend at most' }),
  breakerFailures: wholeNumber
    .min(0)
    .default(defaultBreakerLimits.failuresInRow)
    .meta({ description: 'failures in a row after which a backend is left alone; 0 for never' }),
  breakerOpenTimeMs: durationMs.prefault('1s').meta({
    description: 'how long a failing backend is left alone; doubled up to 30s while it fails again',
    flag: 'breaker-open-time',
  }),
  // Finagle's: enough to hide what single backends do, too little to drown them all.
  retryBudget: share
    .prefault('20%')
    .meta({ description: 'how many requests may be sent to another backend after a failure, as a share of all' }),
  retryFloor: z.coerce
    .number()
    .min(0)
    .max(1_000_000)
    .default(10)
    .meta({ description: 'retries each second that are granted whatever the share says' }),
}

/** What came longer ago than this earns no retries: Finagle's, long enough for lulls. Milliseconds. */
const retryWindowMs = 10_000

/** The limits of each backend's breaker that the options name. */
export function breakerLimitsOf(options: { breakerFailures: number; breakerOpenTimeMs: number }): BreakerLimits {
  const { breakerFailures: failuresInRow, breakerOpenTimeMs: openTimeMs } = options
  const openTimeMaxMs = Math.max(openTimeMs, defaultBreakerLimits.openTimeMaxMs)
  return { ...defaultBreakerLimits, failuresInRow, openTimeMs, openTimeMaxMs }
}

/** The limits of the balancer's retries that the options name. */
export function retryLimitsOf(options: { retryBudget: number; retryFloor: number }): RetryLimits {
  return { share: options.retryBudget, floorPerSecond: options.retryFloor, windowMs: retryWindowMs }
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
