import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FinalState, Operation, Outcome } from '../../compose/load/operations.ts'
import type { Recorded, Trouble } from './client.ts'
import { toldBy } from './linearizable-call.ts'
import { type Evidence, figuresOf, judge } from './verdict.ts'

const balancer = 'http://balancer'
let moment = 0

/** One operation, each a millisecond after the one before, unless told otherwise. */
function done(operation: Operation, status: number, body: object, more: Partial<Recorded> = {}): Recorded {
  moment += 2
  const answers: Record<string, Outcome> = {
    increment: { type: 'answered', answer: { type: 'count', value: (body as { value: number }).value } },
    'read-counter': { type: 'answered', answer: { type: 'count', value: (body as { value: number }).value } },
    put: { type: 'answered', answer: { type: 'register', ...(body as { value: string; version: number }) } },
    'read-register': {
      type: 'answered',
      answer: { type: 'register', ...(body as { value: string; version: number }) },
    },
    book: { type: 'answered', answer: { type: 'booking', ...(body as { user: string; id: string }) } },
  }
  const outcome = more.outcome ?? answers[operation.op]!
  return {
    ...{ client: 1, operation, intendedMs: moment, startMs: moment, endMs: moment + 1, outcome, status },
    ...{ backend: 'backend-1', epoch: 1, replays: 0, troubles: [] },
    result: toldBy(operation, outcome, status, JSON.stringify(body)),
    ...more,
  }
}

const add = (value: number, more?: Partial<Recorded>) => done({ op: 'increment', counter: 'c' }, 200, { value }, more)
const count = (value: number, more?: Partial<Recorded>) =>
  done({ op: 'read-counter', counter: 'c' }, 200, { value }, more)
const put = (value: string, version: number) => done({ op: 'put', register: 'r', value }, 200, { value, version })
const book = (user: string, id: string) => done({ op: 'book', seat: 's', user }, 201, { seat: 's', user, id })

function final(counter: number, register?: { value: string; version: number }): FinalState {
  return {
    bookings: new Map(),
    counters: new Map([['c', counter]]),
    registers: new Map(register ? [['r', register]] : []),
  }
}

function verdict(history: Recorded[], state: FinalState, more: Partial<Evidence> = {}) {
  const readBack = { startMs: moment + 10, endMs: moment + 11 }
  return judge({ allowance: 'nothing', history, final: state, readBack, complaints: [], ...more })
}

const kindsOf = (violations: ReturnType<typeof judge>) => [...new Set(violations.map(({ kind }) => kind))].sort()

test('a history in which all was kept has no violation', () => {
  const history = [add(1), put('a', 1), count(1), add(2), put('b', 2)]
  assert.deepEqual(verdict(history, final(2, { value: 'b', version: 2 })), [])
})

const dropped: Trouble = { type: 'dropped', atMs: 1, balancer, code: 'ECONNRESET' }
const absent: Trouble = { type: 'absent', atMs: 1, balancer, code: 'ECONNREFUSED' }
const refused: Trouble = { type: 'refused', atMs: 1, balancer, text: '{"outcome":"not applied"}' }
const failed: Trouble = { type: 'failed', atMs: 1, balancer, status: 502, text: 'no' }
const notApplied: Partial<Recorded> = { outcome: { type: 'not-applied', code: '503' } }
const unknown: Partial<Recorded> = { outcome: { type: 'unknown', code: '503' } }

test('every bad history fails its row, by the kind of what was broken', () => {
  const bad: [what: string, history: () => Recorded[], state: FinalState, kinds: string[]][] = [
    ['an acknowledged increment is not there', () => [add(1), add(2)], final(1), ['lost', 'not linearizable']],
    ['an increment was applied twice', () => [add(1), add(3)], final(3), ['doubled', 'not linearizable']],
    ['nobody asked for it', () => [add(1)], final(2), ['doubled', 'not linearizable']],
    ['two got the same value', () => [add(1), add(1)], final(1), ['lost', 'not linearizable']],
    ['a read shows less than was known', () => [add(1), add(2), count(1)], final(2), ['not linearizable']],
    ['a refused write was applied', () => [add(1, notApplied), count(1)], final(1), ['doubled', 'not linearizable']],
    [
      'a put is gone',
      () => [put('a', 1), put('b', 2)],
      final(0, { value: 'a', version: 1 }),
      ['lost', 'not linearizable'],
    ],
    ['one seat for two', () => [book('ann', '1'), book('bob', '2')], final(0), ['doubled', 'lost', 'not linearizable']],
    ['a booking is gone', () => [book('ann', '1')], final(0), ['lost', 'not linearizable']],
  ]
  for (const [what, history, state, kinds] of bad) assert.deepEqual(kindsOf(verdict(history(), state)), kinds, what)
})

test('an operation of unknown outcome may be there or not', () => {
  for (const value of [1, 2]) assert.deepEqual(verdict([add(1), add(2, unknown)], final(value)), [], `${value}`)
})

test('what clients may see is what the row allows, and no more', () => {
  const seen: [trouble: Trouble, allowedBy: string[]][] = [
    [absent, ['moves', 'drops', 'outage']],
    [dropped, ['drops', 'outage']],
    [refused, ['refusals', 'outage']],
    [{ ...refused, type: 'undecided' }, ['refusals', 'outage']],
    [{ ...dropped, type: 'silent' }, []],
    [failed, []],
  ]
  for (const [trouble, allowedBy] of seen)
    for (const allowance of ['nothing', 'moves', 'drops', 'refusals', 'outage'] as const) {
      const violations = verdict([add(1, { troubles: [trouble] })], final(1), { allowance })
      assert.deepEqual(
        kindsOf(violations),
        allowedBy.includes(allowance) ? [] : ['error'],
        `${trouble.type} ${allowance}`,
      )
    }
})

test('connections may be lost, but not the answer', () => {
  const never = add(1, { ...unknown, status: 0, troubles: [dropped, dropped] })
  assert.deepEqual(kindsOf(verdict([never], final(0), { allowance: 'drops' })), ['error'])
})

test('errors are counted, and the first is told', () => {
  const troubled = [add(1, { troubles: [failed] }), add(2, { troubles: [failed] })]
  const [violation, ...others] = verdict(troubled, final(2))
  assert.deepEqual(others, [])
  assert.deepEqual([violation?.kind, violation?.count, violation?.key], ['error', 2, 'c'])
  assert.match(violation!.what, /an answer 502 at http:\/\/balancer, first for increment c: no/)
})

test('what the row itself complains of is a violation', () => {
  assert.deepEqual(kindsOf(verdict([add(1)], final(1), { complaints: ['backend-1 ended'] })), ['not as promised'])
})

test('the pause is the longest time between two good answers, whoever got them', () => {
  const at = (endMs: number, more?: Partial<Recorded>) => add(1, { endMs, ...more })
  const history = [at(40), at(10), at(25, { client: 2 }), at(33, notApplied)]
  assert.deepEqual(figuresOf(history), { requests: 4, pauseMs: 15, drops: 0, refusals: 0 })
  assert.equal(figuresOf([]).pauseMs, 0)
})
