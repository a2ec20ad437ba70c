import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Invocation } from './operation.ts'
import { requestOf, resultOf } from './ticket-office-calls.ts'

const register = { model: 'register', key: 'a/b', call: { name: 'get' } } as const
const counter = { model: 'counter', key: 'c', call: { name: 'increment', by: 2 } } as const
const booking = { model: 'booking', key: 's1', call: { name: 'book', user: 'ann' } } as const

const requests: [Invocation, object][] = [
  [register, { method: 'GET', path: '/registers/a%2Fb' }],
  [
    { ...register, call: { name: 'compare-and-set', expect: null, value: 1 } },
    { method: 'POST', path: '/registers/a%2Fb/compare-and-set', body: { expect: null, value: 1 } },
  ],
  [
    { ...register, call: { name: 'set', value: [1] } },
    { method: 'PUT', path: '/registers/a%2Fb', body: { value: [1] } },
  ],
  [counter, { method: 'POST', path: '/counters/c/increments', body: { by: 2 } }],
  [booking, { method: 'POST', path: '/bookings', body: { seat: 's1', user: 'ann' } }],
  [
    { ...booking, call: { name: 'cancel' } },
    { method: 'DELETE', path: '/bookings/s1' },
  ],
]
for (const [invocation, request] of requests) {
  test(`${invocation.model} ${invocation.call.name} is asked as the demo service wants it`, () =>
    assert.deepEqual(requestOf(invocation), request))
}

const answers: [string, Invocation, number, unknown, unknown][] = [
  ['a register', register, 200, { key: 'k', value: 1, version: 3 }, { ok: true, value: 1, version: 3 }],
  ['a register never set', register, 404, { detail: 'never set' }, { ok: false, value: null, version: 0 }],
  ['a refused compare-and-set', register, 412, { value: 2, version: 4 }, { ok: false, value: 2, version: 4 }],
  ['an increment', counter, 200, { name: 'c', value: 2 }, { value: 2 }],
  ['a booking', booking, 201, { seat: 's1', user: 'ann', id: 'x' }, { ok: true, user: 'ann', id: 'x' }],
  ['a taken seat', booking, 409, { seat: 's1', user: 'bob' }, { ok: false, user: 'bob' }],
  ['a conflict that names no holder', booking, 409, { detail: 'the session ended' }, 'unknown'],
  ['an error with no effect', counter, 503, { outcome: 'not applied' }, 'not applied'],
  ['an error of unknown outcome', counter, 502, { outcome: 'unknown', key: 'k' }, 'unknown'],
  ['an error that says nothing', counter, 500, undefined, 'unknown'],
  ['a bad request', counter, 400, {}, 'not applied'],
  ['a success with no value in it', counter, 200, {}, 'unknown'],
]
for (const [what, invocation, status, body, result] of answers) {
  test(`${what} is read as such`, () => assert.deepEqual(resultOf(invocation, status, body), result))
}
