/** Is a history of concurrent operations linearizable? (Herlihy and Wing, 1990.) If not: the least that shows it. */
import { explanation } from './explanation.ts'
import { models } from './models.ts'
import type { Operation } from './operation.ts'
import { ordering } from './ordering.ts'

/** Why a history is refused. `undecided` (the search gave up) is a failure too: nothing was proven. */
export interface Violation {
  readonly type: 'not linearizable' | 'undecided'
  readonly model: Operation['model']
  readonly key: string
  /** For a person: what cannot be ordered, one operation a line, by start. */
  readonly lines: readonly string[]
}

/** How many placements may be tried on one object; a few thousand are usual. */
const stepsMaxDefault = 300_000

/**
 * Judges a history. Objects are independent, so each key is judged by itself (Herlihy and Wing: linearizability is local).
 * @returns the first object in trouble, or null if every one has an order.
 */
export function check(history: readonly Operation[], stepsMax = stepsMaxDefault): Violation | null {
  const effective = history.filter(({ result }) => result !== 'not applied')
  for (const operations of Map.groupBy(effective, ({ model, key }) => `${model} ${key}`).values()) {
    const { model, key } = operations[0]!
    const byStart = operations.toSorted((one, other) => one.startMs - other.startMs)
    const found = ordering(models[model], byStart, stepsMax)
    if (found === 'impossible') {
      const neverApplied = history.filter((other) => other.result === 'not applied' && isOn(other, model, key))
      return { type: 'not linearizable', model, key, lines: explanation(models[model], byStart, neverApplied) }
    }
    if (found === 'undecided') {
      const lines = [`${byStart.length} operations on ${model} ${key}: no order found in ${stepsMax} placements`]
      return { type: 'undecided', model, key, lines }
    }
  }
  return null
}

function isOn(operation: Operation, model: Operation['model'], key: string): boolean {
  return operation.model === model && operation.key === key
}
