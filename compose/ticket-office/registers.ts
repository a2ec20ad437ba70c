/** Registers: a value with a version that rises by one at each change. */
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { problem } from '../../backend/index.ts'
import { checked, inputOf, jsonValue, name } from './checked.ts'
import type { OfficeRoutes, OfficeState } from './office-routes.ts'

interface Register {
  value: unknown
  version: number
}

const params = z.object({ key: name })
const ofKey = inputOf({ params })
const ofValue = inputOf({ params, body: z.strictObject({ value: jsonValue }) })
const ofComparison = inputOf({ params, body: z.strictObject({ expect: jsonValue, value: jsonValue }) })

/** What a register holds that was never set. */
const unset: Register = { value: null, version: 0 }

export function registerRoutes(state: OfficeState): OfficeRoutes {
  const registers = state.map<Register>('registers')

  function change(key: string, value: unknown) {
    const { version } = registers.get(key) ?? unset
    const register = { value, version: version + 1 }
    registers.set(key, register)
    return { body: { key, ...register } }
  }

  const put = checked(ofValue, ({ key }, _query, { value }) => change(key, value))

  const compareAndSet = checked(ofComparison, ({ key }, _query, { expect, value }) => {
    const current = registers.get(key) ?? unset
    if (isDeepStrictEqual(current.value, expect)) return change(key, value)
    return problem(412, 'Precondition Failed', { detail: 'the register holds another value', key, ...current })
  })

  const show = checked(ofKey, ({ key }) => {
    const register = registers.get(key)
    return register
      ? { body: { key, ...register } }
      : problem(404, 'Not Found', { detail: `register ${key} was never set` })
  })

  return {
    'PUT /registers/:key': put,
    'GET /registers/:key': show,
    'POST /registers/:key/compare-and-set': compareAndSet,
  }
}
