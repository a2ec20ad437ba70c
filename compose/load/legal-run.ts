/** For tests: histories as a sound service makes them, from a second, dumb implementation of the ticket office. */
import fc from 'fast-check'
import type { Answer, FinalState, HistoryEntry, Operation } from './operations.ts'

/** One operation, how long before and after the moment of its effect it began and ended, and whether its answer got lost. */
export interface Step {
  operation: Operation
  beforeMs: number
  afterMs: number
  answerLost: boolean
}

const key = (prefix: string) => fc.nat(3).map((index) => `${prefix}${index}`)

const operation = fc.oneof(
  key('seat-').map((seat): Operation => ({ op: 'book', seat, user: '' })),
  key('seat-').map((seat): Operation => ({ op: 'cancel', seat })),
  key('seat-').map((seat): Operation => ({ op: 'read-seat', seat })),
  key('counter-').map((counter): Operation => ({ op: 'increment', counter })),
  key('counter-').map((counter): Operation => ({ op: 'read-counter', counter })),
  key('register-').map((register): Operation => ({ op: 'put', register, value: '' })),
  fc
    .record({ register: key('register-'), expect: fc.nat(30) })
    .map(({ register, expect }): Operation => ({ op: 'compare-and-set', register, expect: `v${expect}`, value: '' })),
  key('register-').map((register): Operation => ({ op: 'read-register', register })),
)

const delayMs = fc.nat(40).map((tenths) => tenths / 10)

export const legalRun: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    operation,
    beforeMs: delayMs,
    afterMs: delayMs,
    answerLost: fc.nat(9).map((roll) => roll === 0),
  }),
  { maxLength: 60 },
)

/** Runs the steps one after the other, each taking effect at one moment within its time. */
export function historyOf(steps: Step[]): { history: HistoryEntry[]; final: FinalState } {
  const office = new DumbOffice()
  const history = steps.flatMap(({ operation, beforeMs, afterMs, answerLost }, index): HistoryEntry[] => {
    const made = named(operation, index)
    // As the test client does: a seat is cancelled once, after its booking was acknowledged, and never booked again.
    if (made.op === 'cancel' && !office.mayCancel(made.seat, index - beforeMs)) return []
    if (made.op === 'book' && office.isCancelled(made.seat)) return []
    const answer = office.perform(made)
    const times = { intendedMs: index - beforeMs, startMs: index - beforeMs, endMs: index + afterMs }
    if (made.op === 'book' && answer.type === 'booking' && !answerLost) office.acknowledged(made.seat, times.endMs)
    const outcome = answerLost
      ? ({ type: 'unknown', code: 'ECONNRESET' } as const)
      : ({ type: 'answered', answer } as const)
    return [{ operation: made, ...times, outcome, status: 0, backend: '', epoch: 1, replays: 0 }]
  })
  return { history, final: office.final }
}

/** Users and values say which operation they are of. */
function named(operation: Operation, index: number): Operation {
  if (operation.op === 'book') return { ...operation, user: `u${index}` }
  return 'value' in operation ? { ...operation, value: `v${index}` } : operation
}

class DumbOffice {
  readonly final: FinalState = { bookings: new Map(), counters: new Map(), registers: new Map() }
  readonly #acknowledgedMs = new Map<string, number>()
  readonly #cancelled = new Set<string>()

  acknowledged(seat: string, atMs: number): void {
    this.#acknowledgedMs.set(seat, atMs)
  }

  mayCancel(seat: string, atMs: number): boolean {
    const known = (this.#acknowledgedMs.get(seat) ?? Number.POSITIVE_INFINITY) < atMs
    return known && !this.#cancelled.has(seat)
  }

  isCancelled(seat: string): boolean {
    return this.#cancelled.has(seat)
  }

  perform(operation: Operation): Answer {
    if ('seat' in operation) return this.#seat(operation)
    if ('register' in operation) return this.#register(operation)
    const value = (this.final.counters.get(operation.counter) ?? 0) + (operation.op === 'increment' ? 1 : 0)
    this.final.counters.set(operation.counter, value)
    return { type: 'count', value }
  }

  #seat(operation: Extract<Operation, { seat: string }>): Answer {
    const { bookings } = this.final
    const booked = bookings.get(operation.seat)
    if (operation.op === 'read-seat') return booked ? { type: 'booking', ...booked } : { type: 'not-found' }
    if (operation.op === 'cancel') {
      bookings.delete(operation.seat)
      this.#cancelled.add(operation.seat)
      return { type: 'cancelled' }
    }
    if (booked) return { type: 'taken', user: booked.user }
    const made = { user: operation.user, id: `id-${operation.user}` }
    bookings.set(operation.seat, made)
    return { type: 'booking', ...made }
  }

  #register(operation: Extract<Operation, { register: string }>): Answer {
    const { registers } = this.final
    const current = registers.get(operation.register)
    if (operation.op === 'read-register') return current ? { type: 'register', ...current } : { type: 'not-found' }
    if (operation.op === 'compare-and-set' && (current?.value ?? null) !== operation.expect)
      return { type: 'mismatch', value: current?.value ?? null, version: current?.version ?? 0 }
    const made = { value: operation.value, version: (current?.version ?? 0) + 1 }
    registers.set(operation.register, made)
    return { type: 'register', ...made }
  }
}
