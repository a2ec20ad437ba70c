import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Finding } from './findings.ts'
import { historyOf, legalRun } from './legal-run.ts'
import type { Answer, FinalState, HistoryEntry, Operation, Outcome } from './operations.ts'
import { verify } from './verify.ts'

/** One operation from `startMs` to `endMs`; a code instead of an answer is an unknown outcome. */
function entry(operation: Operation, [startMs, endMs]: [number, number], answer: Answer | string): HistoryEntry {
  const outcome: Outcome = typeof answer === 'string' ? { type: 'unknown', code: answer } : { type: 'answered', answer }
  return { operation, intendedMs: startMs, startMs, endMs, outcome, status: 0, backend: '', epoch: 1, replays: 0 }
}

function finalState(part: Partial<{ [Kind in keyof FinalState]: Iterable<unknown> }>): FinalState {
  return {
    bookings: new Map((part.bookings ?? []) as Iterable<[string, { user: string; id: string }]>),
    counters: new Map((part.counters ?? []) as Iterable<[string, number]>),
    registers: new Map((part.registers ?? []) as Iterable<[string, { value: string; version: number }]>),
  }
}

const kinds = (findings: Finding[]) => [...new Set(findings.map(({ kind }) => kind))].sort()
const count = (value: number): Answer => ({ type: 'count', value })
const register = (value: string, version: number): Answer => ({ type: 'register', value, version })
const booking = (user: string, id: string): Answer => ({ type: 'booking', user, id })
const taken = (user: string): Answer => ({ type: 'taken', user })
const increment = { op: 'increment', counter: 'c' } as const
const readCounter = { op: 'read-counter', counter: 'c' } as const
const book = (user: string) => ({ op: 'book', seat: 's', user }) as const
const readSeat = { op: 'read-seat', seat: 's' } as const
const cancel = { op: 'cancel', seat: 's' } as const
const put = (value: string) => ({ op: 'put', register: 'r', value }) as const
const swap = (expect: string | null, value: string) =>
  ({ op: 'compare-and-set', register: 'r', expect, value }) as const
const readRegister = { op: 'read-register', register: 'r' } as const

interface Case {
  title: string
  history: HistoryEntry[]
  final: FinalState
  expected: Finding['kind'][]
}

const seatAt = (user: string, id: string) => finalState({ bookings: [['s', { user, id }]] })
const counterAt = (value: number) => finalState({ counters: [['c', value]] })
const registerAt = (value: string, version: number) => finalState({ registers: [['r', { value, version }]] })

const cases: Case[] = [
  {
    title: 'an acknowledged booking that is not there is lost',
    history: [entry(book('a'), [1, 2], booking('a', '1'))],
    final: finalState({}),
    expected: ['lost'],
  },
  {
    title: 'an acknowledged booking that is there with another id is lost',
    history: [entry(book('a'), [1, 2], booking('a', '1'))],
    final: seatAt('a', '2'),
    expected: ['lost'],
  },
  {
    title: 'a booking of unknown outcome may be there',
    history: [entry(book('a'), [1, 2], 'ECONNRESET')],
    final: seatAt('a', '1'),
    expected: [],
  },
  {
    title: 'a booking of unknown outcome may be missing',
    history: [entry(book('a'), [1, 2], 'ECONNRESET')],
    final: finalState({}),
    expected: [],
  },
  {
    title: 'one seat booked for two is doubled',
    history: [entry(book('a'), [1, 4], booking('a', '1')), entry(book('b'), [2, 3], booking('b', '2'))],
    final: seatAt('a', '1'),
    expected: ['doubled'],
  },
  {
    title: 'a booking refused by itself ran twice',
    history: [entry(book('a'), [1, 2], taken('a'))],
    final: seatAt('a', '1'),
    expected: ['doubled'],
  },
  {
    title: 'a free seat seen after its booking was acknowledged is stale',
    history: [entry(book('a'), [1, 2], booking('a', '1')), entry(readSeat, [3, 4], { type: 'not-found' })],
    final: seatAt('a', '1'),
    expected: ['stale'],
  },
  {
    title: 'a free seat seen while its booking was under way is fine',
    history: [entry(book('a'), [1, 4], booking('a', '1')), entry(readSeat, [2, 3], { type: 'not-found' })],
    final: seatAt('a', '1'),
    expected: [],
  },
  {
    title: 'a booking seen after its cancel was acknowledged is stale',
    history: [
      entry(book('a'), [1, 2], booking('a', '1')),
      entry(cancel, [3, 4], { type: 'cancelled' }),
      entry(readSeat, [5, 6], booking('a', '1')),
    ],
    final: finalState({}),
    expected: ['stale'],
  },
  {
    title: 'a cancel that was acknowledged and did not last is lost',
    history: [entry(book('a'), [1, 2], booking('a', '1')), entry(cancel, [3, 4], { type: 'cancelled' })],
    final: seatAt('a', '1'),
    expected: ['lost'],
  },
  {
    title: 'a cancel that found the seat free ran twice',
    history: [entry(book('a'), [1, 2], booking('a', '1')), entry(cancel, [3, 4], { type: 'not-found' })],
    final: finalState({}),
    expected: ['doubled'],
  },
  {
    title: 'a counter below its acknowledged increments lost some',
    history: [entry(increment, [1, 2], count(1)), entry(increment, [3, 4], count(2))],
    final: counterAt(1),
    expected: ['lost'],
  },
  {
    title: 'a counter above its increments doubled some',
    history: [entry(increment, [1, 2], count(1)), entry(increment, [3, 4], count(3))],
    final: counterAt(3),
    expected: ['doubled'],
  },
  {
    title: 'an increment of unknown outcome may count',
    history: [entry(increment, [1, 9], 'ECONNRESET'), entry(increment, [3, 4], count(2))],
    final: counterAt(2),
    expected: [],
  },
  {
    title: 'an increment of unknown outcome counts at most once',
    history: [entry(increment, [1, 9], 'ECONNRESET'), entry(increment, [3, 4], count(2))],
    final: counterAt(3),
    expected: ['doubled'],
  },
  {
    title: 'one count acknowledged to two increments is a lost update',
    history: [entry(increment, [1, 4], count(1)), entry(increment, [2, 3], count(1))],
    final: counterAt(1),
    expected: ['lost'],
  },
  {
    title: 'a count read below what was acknowledged before the read began is stale',
    history: [entry(increment, [1, 2], count(1)), entry(readCounter, [3, 4], count(0))],
    final: counterAt(1),
    expected: ['stale'],
  },
  {
    title: 'a count read below another read that ended before is stale',
    history: [
      entry(increment, [1, 9], count(1)),
      entry(readCounter, [2, 3], count(1)),
      entry(readCounter, [4, 5], count(0)),
    ],
    final: counterAt(1),
    expected: ['stale'],
  },
  {
    title: 'a count read before its increment began is impossible',
    history: [entry(readCounter, [1, 2], count(1)), entry(increment, [3, 4], count(1))],
    final: counterAt(1),
    expected: ['stale'],
  },
  {
    title: 'one version acknowledged to two writes is a lost update',
    history: [entry(put('x'), [1, 4], register('x', 1)), entry(put('y'), [2, 3], register('y', 1))],
    final: registerAt('x', 1),
    expected: ['lost'],
  },
  {
    title: 'a version that no write explains was doubled',
    history: [entry(put('x'), [1, 2], register('x', 1)), entry(put('y'), [3, 4], register('y', 3))],
    final: registerAt('y', 3),
    expected: ['doubled'],
  },
  {
    title: 'versions that go back are lost',
    history: [entry(put('x'), [1, 2], register('x', 1)), entry(put('y'), [3, 4], register('y', 2))],
    final: registerAt('x', 1),
    expected: ['lost'],
  },
  {
    title: 'the last version with the value of another write is lost',
    history: [entry(put('x'), [1, 2], register('x', 1))],
    final: registerAt('z', 1),
    expected: ['lost'],
  },
  {
    title: 'two compare-and-set from one version: the second overwrote the first',
    history: [
      entry(put('x'), [1, 2], register('x', 1)),
      entry(swap('x', 'y'), [3, 6], register('y', 2)),
      entry(swap('x', 'z'), [4, 5], register('z', 3)),
    ],
    final: registerAt('z', 3),
    expected: ['lost'],
  },
  {
    title: 'a compare-and-set refused by its own value ran twice',
    history: [entry(swap(null, 'x'), [1, 2], { type: 'mismatch', value: 'x', version: 1 })],
    final: registerAt('x', 1),
    expected: ['doubled'],
  },
  {
    title: 'a compare-and-set refused although it expected right is wrong',
    history: [
      entry(put('x'), [1, 2], register('x', 1)),
      entry(swap('x', 'y'), [3, 4], { type: 'mismatch', value: 'x', version: 1 }),
    ],
    final: registerAt('x', 1),
    expected: ['wrong'],
  },
  {
    title: 'a version read with the value of another write is wrong',
    history: [entry(put('x'), [1, 2], register('x', 1)), entry(readRegister, [3, 4], register('y', 1))],
    final: registerAt('x', 1),
    expected: ['wrong'],
  },
  {
    title: 'a register read as never set after a put is stale',
    history: [entry(put('x'), [1, 2], register('x', 1)), entry(readRegister, [3, 4], { type: 'not-found' })],
    final: registerAt('x', 1),
    expected: ['stale'],
  },
]

describe('a history is judged by what was promised', () => {
  for (const { title, history, final, expected } of cases)
    test(title, () => assert.deepEqual(kinds(verify(history, final)), expected))

  test('a doubling counts as often as it happened', () => {
    const [found] = verify([entry(increment, [1, 2], count(4))], counterAt(4))
    assert.equal(found?.kind, 'doubled')
    assert.equal(found?.count, 3)
  })
})

describe('concurrent clients of a sound service', () => {
  test('have no finding, whatever their order, overlaps and unknown outcomes', () => {
    fc.assert(
      fc.property(legalRun, (steps) => {
        const { history, final } = historyOf(steps)
        assert.deepEqual(verify(history, final), [])
      }),
    )
  })

  test('have a finding once one acknowledged change is taken away or applied again', () => {
    fc.assert(
      fc.property(legalRun, fc.nat(), fc.boolean(), (steps, seed, twice) => {
        const { history, final } = historyOf(steps)
        const counters = [...final.counters].filter(([, value]) => value > 0)
        fc.pre(counters.length > 0 && history.every(({ outcome }) => outcome.type === 'answered'))
        const [key, value] = counters[seed % counters.length]!
        final.counters.set(key, value + (twice ? 1 : -1))
        assert.deepEqual(kinds(verify(history, final)), [twice ? 'doubled' : 'lost'])
      }),
    )
  })

  test('have a finding once an acknowledged booking is missing', () => {
    fc.assert(
      fc.property(legalRun, fc.nat(), (steps, seed) => {
        const { history, final } = historyOf(steps)
        const promised = history.flatMap(({ operation, outcome }) =>
          operation.op === 'book' && outcome.type === 'answered' && outcome.answer.type === 'booking'
            ? [operation.seat]
            : [],
        )
        const cancelled = new Set(
          history.flatMap(({ operation }) => (operation.op === 'cancel' ? [operation.seat] : [])),
        )
        const kept = promised.filter((seat) => !cancelled.has(seat))
        fc.pre(kept.length > 0)
        final.bookings.delete(kept[seed % kept.length]!)
        assert.deepEqual(kinds(verify(history, final)), ['lost'])
      }),
    )
  })

  test('have a finding once an answer is older than what was known', () => {
    fc.assert(
      fc.property(legalRun, (steps) => {
        const { history, final } = historyOf(steps)
        const reads = history.filter(
          ({ operation, startMs }) =>
            operation.op === 'read-counter' &&
            history.some(
              (other) =>
                other.operation.op === 'increment' &&
                other.operation.counter === operation.counter &&
                other.outcome.type === 'answered' &&
                other.endMs < startMs,
            ),
        )
        fc.pre(reads.length > 0)
        reads[0]!.outcome = { type: 'answered', answer: count(0) }
        assert.ok(kinds(verify(history, final)).includes('stale'))
      }),
    )
  })
})
