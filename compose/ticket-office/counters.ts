/** Counters: numbers that only grow. */
import { z } from 'zod'
import { problem } from '../../backend/index.ts'
import { checked, inputOf, name } from './checked.ts'
import type { OfficeRoutes, OfficeState } from './office-routes.ts'

const incrementMax = 1_000_000
const params = z.object({ name })
const ofCounter = inputOf({ params })
// No body at all is the same as an empty one: the increment is optional.
const increment = z.strictObject({ by: z.number().int().min(1).max(incrementMax).default(1) }).prefault({})
const ofIncrement = inputOf({ params, body: increment })

export function counterRoutes(state: OfficeState): OfficeRoutes {
  const counters = state.map<number>('counters')

  const add = checked(ofIncrement, (counter, _query, { by }) => {
    const value = (counters.get(counter.name) ?? 0) + by
    if (!Number.isSafeInteger(value))
      return problem(409, 'Conflict', { detail: 'the counter cannot count any further' })
    counters.set(counter.name, value)
    return { body: { name: counter.name, value } }
  })

  const show = checked(ofCounter, (counter) => {
    return { body: { name: counter.name, value: counters.get(counter.name) ?? 0 } }
  })

  return { 'POST /counters/:name/increments': add, 'GET /counters/:name': show }
}
