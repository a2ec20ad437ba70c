/** Options of the analysis. */
import { z } from 'zod'
import { textList } from '../../checkpoint/units.ts'
import { strategyNames } from '../../load-balancer/strategies/config.ts'

export const partNames = ['a-1', 'a-2', 'a-3', 'a-4', 'a-5'] as const
export type PartName = (typeof partNames)[number]

const wholeNumber = z.coerce.number('expected a whole number').int('expected a whole number')
const oneOf = (names: readonly string[]) => `expected some of ${names.join(', ')}, comma separated`

export const analysisOptions = z.object({
  requests: wholeNumber.min(100).max(1_000_000).default(10_000).meta({ description: 'requests of each run' }),
  rate: z.coerce
    .number('expected requests per second')
    .positive()
    .max(100_000)
    .default(1_000)
    .meta({ description: 'requests per second, sent at fixed times whether or not answers come' }),
  clients: wholeNumber
    .min(1)
    .max(10_000)
    .default(300)
    .meta({ description: 'connections, each with one request at a time' }),
  rounds: wholeNumber
    .min(1)
    .max(100)
    .default(3)
    .meta({ description: 'how often A-3 is measured, strategies in turn; medians are told' }),
  backendsMax: wholeNumber.min(2).max(20).default(6).meta({ description: 'A-2 and A-5 go from 2 backends to so many' }),
  seed: wholeNumber
    .min(0)
    .max(0xffff_ffff)
    .default(1)
    .meta({ description: 'the same seed draws the same keys and delays' }),
  parts: textList
    .refine((parts) => parts.every((part) => partNames.includes(part as PartName)), oneOf(partNames))
    .prefault(partNames.join(','))
    .meta({ description: 'what is run' }),
  strategies: textList
    .refine((names) => names.every((name) => (strategyNames as readonly string[]).includes(name)), oneOf(strategyNames))
    .prefault(strategyNames.join(','))
    .meta({ description: 'which strategies' }),
  output: z.string().min(1).default('docs/analysis').meta({
    description: 'directory for the plots and results.json, and for the figures in its README.md, if it has one',
  }),
})
export type AnalysisOptions = z.infer<typeof analysisOptions>
