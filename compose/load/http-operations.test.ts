import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcomeOf } from './http-operations.ts'
import type { Operation } from './operations.ts'

const book: Operation = { op: 'book', seat: 's', user: 'u' }
const increment: Operation = { op: 'increment', counter: 'c' }
const swap: Operation = { op: 'compare-and-set', register: 'r', expect: null, value: 'x' }

const cases: [title: string, operation: Operation, status: number, body: string, expected: unknown][] = [
  [
    'a conflict is a legitimate answer where a seat can be taken',
    book,
    409,
    '{"seat":"s","user":"w"}',
    { type: 'answered', answer: { type: 'taken', user: 'w' } },
  ],
  [
    'a failed precondition is one where a value was expected',
    swap,
    412,
    '{"key":"r","value":null,"version":0}',
    { type: 'answered', answer: { type: 'mismatch', value: null, version: 0 } },
  ],
  ['a conflict is an error where nothing can conflict', increment, 409, '{}', { type: 'not-applied', code: '409' }],
  [
    '503 leaves the outcome open unless it says otherwise',
    increment,
    503,
    '{"outcome":"unknown"}',
    { type: 'unknown', code: '503' },
  ],
  [
    '503 with "not applied" changed nothing',
    increment,
    503,
    '{"outcome":"not applied"}',
    { type: 'not-applied', code: '503' },
  ],
  ['502 without a body leaves the outcome open', increment, 502, '', { type: 'unknown', code: '502' }],
  ['500 leaves the outcome open', book, 500, '<html>', { type: 'unknown', code: '500' }],
  ['a cut body is an error, and may have counted', increment, 200, '{"value":', { type: 'unknown', code: 'BAD_BODY' }],
  ['a body of another shape is an error', increment, 200, '{"value":"1"}', { type: 'unknown', code: 'BAD_BODY' }],
]

for (const [title, operation, status, body, expected] of cases)
  test(title, () => assert.deepEqual(outcomeOf(operation, status, body), expected))
