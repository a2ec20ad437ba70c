/** What the rates of the rounds say about us beside the others. Pure. */
import { type Sample, valuesOf } from '../harness.ts'
import type { Row } from '../report.ts'
import { pairedRatio, spread } from '../statistics.ts'
import { type Method, methods } from './load.ts'

/** One ratio: what is over what, by the contenders' names. */
export interface Comparison {
  readonly key: string
  readonly numerator: string
  readonly denominator: string
}

/** The smaller of the ratios of GET and of POST, each the median of the rounds: who is level must be level in both. */
export function rateRatio(samples: readonly Sample[], { numerator, denominator }: Comparison): number {
  return Math.min(...methods.map((method) => pairedRatio(...rates(samples, numerator, denominator, method))))
}

/** Rows for each method of a comparison: rates, ours over theirs, and processor time, theirs over ours. */
export function ratioRows(samples: readonly Sample[], comparison: Comparison): Row[] {
  const { numerator, denominator } = comparison
  const name = `${numerator} over ${denominator}`
  return methods.flatMap((method) => {
    const byRate = rates(samples, numerator, denominator, method)
    const byCpu = [denominator, numerator].map((contender) => valuesOf(samples, contender, `${method} cpu`))
    return [
      { name: `${name}: ${method}`, unit: 'x', ...spread(quotients(...byRate)) },
      { name: `${name}: ${method} cpu`, unit: 'x', ...spread(quotients(byCpu[0]!, byCpu[1]!)) },
    ]
  })
}

function quotients(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, round) => value / under[round]!)
}

function rates(samples: readonly Sample[], over: string, under: string, method: Method): [number[], number[]] {
  return [valuesOf(samples, over, `${method} rate`), valuesOf(samples, under, `${method} rate`)]
}
