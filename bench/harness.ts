/** How contenders are measured: in rounds, interleaved, each round in another order, every sample kept. */
import type { Row } from './report.ts'
import { spread } from './statistics.ts'

/** Metric by metric, what one measurement of one contender gave. */
export type Metrics = Readonly<Record<string, number>>

export interface Contender {
  /** As the table names it. */
  readonly name: string
  /** Throws if it answers wrongly, or does not keep what it should. Called before anything is timed. */
  validate(): Promise<void>
  /** Runs the load against it once. Throws on any error. */
  measure(round: number): Promise<Metrics>
}

export interface Sample {
  readonly contender: string
  readonly round: number
  readonly metrics: Metrics
}

/** Rotated by one each round, and every other round backwards: nobody always comes first, or always after the same one. */
export function orderOf<Item>(items: readonly Item[], round: number): Item[] {
  const shift = items.length === 0 ? 0 : round % items.length
  const rotated = [...items.slice(shift), ...items.slice(0, shift)]
  return round % 2 === 0 ? rotated : rotated.reverse()
}

/** Validates all, then measures all in each round. Resolves with the samples; the first error ends it. */
export async function runRounds(
  contenders: readonly Contender[],
  rounds: number,
  options: { signal: AbortSignal; onSample: (sample: Sample) => void },
): Promise<Sample[]> {
  for (const contender of contenders) await contender.validate()
  const samples: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    for (const contender of orderOf(contenders, round)) {
      options.signal.throwIfAborted()
      const sample = { contender: contender.name, round, metrics: await contender.measure(round) }
      samples.push(sample)
      options.onSample(sample)
    }
  }
  return samples
}

/** One contender's values of one metric, in the order of the rounds. */
export function valuesOf(samples: readonly Sample[], contender: string, metric: string): number[] {
  return samples
    .filter((sample) => sample.contender === contender)
    .sort((left, right) => left.round - right.round)
    .map(({ metrics }) => {
      const value = metrics[metric]
      if (value === undefined) throw new RangeError(`${contender} has no ${metric}`)
      return value
    })
}

/** A metric's place in the table: what follows the contender's name, and its unit. */
export interface Column {
  readonly metric: string
  readonly title: string
  readonly unit: string
}

/** A row for each metric and contender, metric by metric. */
export function rowsOf(samples: readonly Sample[], columns: readonly Column[]): Row[] {
  const names = [...new Set(samples.map(({ contender }) => contender))]
  return columns.flatMap(({ metric, title, unit }) =>
    names
      .filter((name) => samples.some((sample) => sample.contender === name && metric in sample.metrics))
      .map((name) => ({
        name: title === '' ? name : `${name}: ${title}`,
        unit,
        ...spread(valuesOf(samples, name, metric)),
      })),
  )
}
