import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isOrderable } from './brute-force.ts'
import { check } from './check.ts'
import { models } from './models.ts'
import type { Invocation, Operation } from './operation.ts'

const small = fc.integer({ min: 0, max: 2 })
const user = fc.constantFrom('ann', 'bob')
const key = fc.constant('k')
const registerCall = fc.oneof(
  fc.record({ name: fc.constant('get' as const) }),
  fc.record({ name: fc.constant('set' as const), value: small }),
  fc.record({ name: fc.constant('compare-and-set' as const), expect: small, value: small }),
)
const counterCall = fc.oneof(
  fc.record({ name: fc.constant('get' as const) }),
  fc.record({ name: fc.constant('increment' as const), by: fc.integer({ min: 1, max: 2 }) }),
)
const bookingCall = fc.oneof(
  fc.record({ name: fc.constantFrom('get' as const, 'cancel' as const) }),
  fc.record({ name: fc.constant('book' as const), user }),
)
const invocations: Record<Operation['model'], fc.Arbitrary<Invocation>> = {
  register: fc.record({ model: fc.constant('register'), key, call: registerCall }),
  counter: fc.record({ model: fc.constant('counter'), key, call: counterCall }),
  booking: fc.record({ model: fc.constant('booking'), key, call: bookingCall }),
}

/** What a linearizable object might have told: each call takes effect at a moment between its call and its return. */
function truthful(model: Operation['model'], calls: readonly Invocation[], times: readonly Times[]): Operation[] {
  let state = models[model].initial
  const answers = new Map<Invocation, Operation['result']>()
  const order = calls.map((call, at) => ({ call, ...times[at]! })).sort((one, other) => one.effectMs - other.effectMs)
  for (const { call, isLost, hasEffect } of order) {
    if (!isLost) answers.set(call, answerOf(model, state, call))
    if (!isLost || hasEffect) state = models[model].step(state, call.call, undefined)
  }
  return calls.map((call, at) => {
    const { startMs, endMs } = times[at]!
    const result = answers.get(call)
    const base = { ...call, client: `c${at}`, startMs }
    return result === undefined
      ? { ...base, result: 'unknown', endMs: Number.POSITIVE_INFINITY }
      : { ...base, result, endMs }
  })
}

/** The answer of the service, found by asking the model which of the possible ones it allows. */
function answerOf(model: Operation['model'], state: unknown, { call }: Invocation): Operation['result'] {
  const after = models[model].step(state, call, undefined)
  const [before, then] = [state, after] as [Told, Told]
  if (model === 'counter') return { value: then as unknown as number }
  if (model === 'register') {
    const ok = call.name === 'get' ? before.version > 0 : before !== then
    return { ok, value: JSON.parse(then.value), version: then.version }
  }
  const shown = call.name === 'book' && before.user === undefined ? then.user : before.user
  const ok = call.name === 'book' ? before.user === undefined : before.user !== undefined
  return { ok, ...(shown !== undefined && { user: shown }) }
}

interface Told {
  readonly value: string
  readonly version: number
  readonly user?: string
}

interface Times {
  readonly startMs: number
  readonly effectMs: number
  readonly endMs: number
  readonly isLost: boolean
  readonly hasEffect: boolean
}

function timesWithin(spanMs: number, lengthMsMax: number, lostOneIn: number): fc.Arbitrary<Times> {
  return fc
    .record({
      startMs: fc.integer({ min: 0, max: spanMs }),
      before: fc.integer({ min: 0, max: lengthMsMax }),
      after: fc.integer({ min: 0, max: lengthMsMax }),
      lost: fc.integer({ min: 1, max: lostOneIn }),
      hasEffect: fc.boolean(),
      late: fc.integer({ min: 0, max: spanMs }),
    })
    .map(({ startMs, before, after, lost, hasEffect, late }) => ({
      startMs,
      effectMs: startMs + (lost === 1 ? late : before) + 0.5,
      endMs: startMs + before + after + 1,
      isLost: lost === 1,
      hasEffect,
    }))
}

/** A truthful history of `length` operations. */
function histories(model: Operation['model'], length: number, spanMs: number, lengthMsMax: number, lostOneIn: number) {
  const arrays = { minLength: length, maxLength: length }
  return fc
    .tuple(fc.array(invocations[model], arrays), fc.array(timesWithin(spanMs, lengthMsMax, lostOneIn), arrays))
    .map(([calls, times]) => truthful(model, calls, times))
}

/** The same history with the answer of one operation told to another client of it: wrong more often than not. */
function crossed(history: readonly Operation[], one: number, other: number): Operation[] {
  const { result } = history[other % history.length]!
  return history.map((operation, at) =>
    at === one % history.length && operation.result !== 'unknown' && result !== 'unknown'
      ? { ...operation, result }
      : operation,
  )
}

for (const model of ['register', 'counter', 'booking'] as const) {
  test(`${model}: says what trying every order says, of true and of crossed answers`, () => {
    let refused = 0
    let accepted = 0
    const length = fc.integer({ min: 1, max: 6 }).chain((count) => histories(model, count, 10, 6, 3))
    fc.assert(
      fc.property(length, fc.nat(), fc.nat(), fc.boolean(), (history, one, other, isCrossed) => {
        const told = isCrossed ? crossed(history, one, other) : history
        const isRight = isOrderable(told)
        if (isRight) accepted++
        else refused++
        assert.equal(check(told)?.type ?? null, isRight ? null : 'not linearizable')
      }),
      { numRuns: 1_500, seed: 7 },
    )
    assert.ok(refused > 50 && accepted > 50, `${refused} refused and ${accepted} accepted: both were tried`)
  })

  test(`${model}: accepts long histories of a true object, within the effort it has`, () => {
    fc.assert(
      fc.property(histories(model, 60, 600, 20, 15), (history) => assert.equal(check(history), null)),
      { numRuns: 100, seed: 11 },
    )
  })
}

test('what is explained is wrong by itself: the lines stand for a history that trying every order refuses too', () => {
  fc.assert(
    fc.property(histories('counter', 6, 10, 6, 3), fc.nat(), fc.nat(), (history, one, other) => {
      const violation = check(crossed(history, one, other))
      if (!violation) return
      assert.ok(violation.lines.length >= 2)
      assert.ok(violation.lines.length <= 8)
    }),
    { numRuns: 500, seed: 13 },
  )
})
