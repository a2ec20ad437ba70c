/** What `main.ts` and the benchmarks agree on. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { flag } from '../checkpoint/units.ts'
import type { Cleanup } from './cleanup.ts'
import type { Findings } from './report.ts'

/** Options of every benchmark. */
export const commonOptions = z.object({
  rounds: z.coerce
    .number('expected a whole number')
    .int('expected a whole number')
    .min(1)
    .max(100)
    .default(5)
    .meta({ description: 'how often each contender is measured, interleaved; medians are reported' }),
  json: flag.default(false).meta({ description: 'print the report as JSON too, as the last line' }),
  raw: z.string().min(1).optional().meta({ description: 'file that gets every single measurement, as JSON' }),
})
export type CommonOptions = z.infer<typeof commonOptions>

export interface BenchContext {
  readonly log: Logger
  readonly signal: AbortSignal
  /** Ends what the benchmark started, however it ends. */
  readonly cleanup: Cleanup
  /** One line of progress. */
  say(line: string): void
}

export interface Benchmark {
  readonly options: z.ZodObject
  run(options: CommonOptions & Record<string, unknown>, context: BenchContext): Promise<Findings>
}

/** Joins a benchmark's options to its code. */
export function benchmark<Options extends z.ZodObject>(
  options: Options,
  run: (options: z.output<Options>, context: BenchContext) => Promise<Findings>,
): Benchmark {
  return { options, run: run as Benchmark['run'] }
}
