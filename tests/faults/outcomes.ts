/** The runs of the suite in a file, a JSON line each: a long series can be ended, and gone on with by the rows that are missing. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Outcome } from './report.ts'

const count = z.number().min(0)
const schema = z.object({
  row: z.string(),
  ...{ pauseMs: count, requests: count, drops: count, refusals: count, tookMs: count },
  violations: z.partialRecord(z.enum(['error', 'lost', 'doubled', 'not linearizable', 'not as promised']), count),
})

/** What stands there, in order; nothing if there is no such file. @throws ZodError, SyntaxError for what is no outcome */
export function readOutcomes(path: string): Outcome[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => schema.parse(JSON.parse(line)) as Outcome)
}

/** Adds one. */
export function keepOutcome(path: string, outcome: Outcome): void {
  appendFileSync(path, `${JSON.stringify(outcome)}\n`)
}
