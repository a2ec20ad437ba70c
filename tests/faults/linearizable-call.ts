/** An operation of the test client in the words of the linearizability checker. Pure. */
import type { FinalState, Operation, Outcome } from '../../compose/load/operations.ts'
import type { Invocation, Operation as Judged } from '../linearizability/operation.ts'
import { resultOf } from '../linearizability/ticket-office-calls.ts'

export function invocationOf(operation: Operation): Invocation {
  switch (operation.op) {
    case 'book':
      return { model: 'booking', key: operation.seat, call: { name: 'book', user: operation.user } }
    case 'cancel':
      return { model: 'booking', key: operation.seat, call: { name: 'cancel' } }
    case 'read-seat':
      return { model: 'booking', key: operation.seat, call: { name: 'get' } }
    case 'increment':
      return { model: 'counter', key: operation.counter, call: { name: 'increment', by: 1 } }
    case 'read-counter':
      return { model: 'counter', key: operation.counter, call: { name: 'get' } }
    case 'put':
      return { model: 'register', key: operation.register, call: { name: 'set', value: operation.value } }
    case 'compare-and-set': {
      const { expect, value } = operation
      return { model: 'register', key: operation.register, call: { name: 'compare-and-set', expect, value } }
    }
    case 'read-register':
      return { model: 'register', key: operation.register, call: { name: 'get' } }
  }
}

/** What the checker is told of an answer or of what came instead of one. */
export function toldBy(operation: Operation, outcome: Outcome, status: number, text: string): Judged['result'] {
  if (outcome.type === 'answered') return resultOf(invocationOf(operation), status, JSON.parse(text))
  return outcome.type === 'unknown' ? 'unknown' : 'not applied'
}

/** A read of what is there at the end, as if a client had made it. */
export function finalRead(operation: Operation, final: FinalState): Invocation & Pick<Judged, 'result'> {
  const invocation = invocationOf(operation)
  const { model, key } = invocation
  if (model === 'counter') return { model, key, call: { name: 'get' }, result: { value: final.counters.get(key) ?? 0 } }
  if (model === 'booking') {
    const held = final.bookings.get(key)
    return {
      model,
      key,
      call: { name: 'get' },
      result: held ? { ok: true, user: held.user, id: held.id } : { ok: false },
    }
  }
  const { value, version } = final.registers.get(key) ?? { value: null, version: 0 }
  return { model, key, call: { name: 'get' }, result: { ok: version > 0, value, version } }
}
