/** Histories in few words, for tests: `counter('ann', 0, 1).increment(1)` is Ann's increment from 0 to 1 ms that told 1. */
import type { BookingCall, BookingResult, CounterCall, JsonValue, Operation, RegisterCall } from './operation.ts'

/** The end of an operation that never returned. */
export const unknown = Number.POSITIVE_INFINITY

function told(client: string, startMs: number, endMs: number) {
  return { client, startMs, endMs, key: 'k' }
}

/** Operations on a register; values first, then versions. */
export function register(client: string, startMs: number, endMs: number) {
  const of = (call: RegisterCall, result: Operation['result']): Operation => {
    return { ...told(client, startMs, endMs), model: 'register', call, result }
  }
  return {
    get: (value: JsonValue, version: number) => of({ name: 'get' }, { ok: true, value, version }),
    unset: () => of({ name: 'get' }, { ok: false, value: null, version: 0 }),
    set: (value: JsonValue, version: number) => of({ name: 'set', value }, { ok: true, value, version }),
    lost: (value: JsonValue) => of({ name: 'set', value }, 'unknown'),
    notApplied: (value: JsonValue) => of({ name: 'set', value }, 'not applied'),
    swap: (expect: JsonValue, value: JsonValue, version: number) =>
      of({ name: 'compare-and-set', expect, value }, { ok: true, value, version }),
    refused: (expect: JsonValue, value: JsonValue, holds: JsonValue, version: number) =>
      of({ name: 'compare-and-set', expect, value }, { ok: false, value: holds, version }),
  }
}

/** Operations on a counter, each increment by 1. */
export function counter(client: string, startMs: number, endMs: number) {
  const of = (call: CounterCall, result: Operation['result']): Operation => {
    return { ...told(client, startMs, endMs), model: 'counter', call, result }
  }
  return {
    get: (value: number) => of({ name: 'get' }, { value }),
    increment: (value: number) => of({ name: 'increment', by: 1 }, { value }),
    lost: () => of({ name: 'increment', by: 1 }, 'unknown'),
  }
}

/** Operations on a seat. */
export function booking(client: string, startMs: number, endMs: number) {
  const of = (call: BookingCall, result: Operation['result']): Operation => {
    return { ...told(client, startMs, endMs), model: 'booking', call, result }
  }
  const held = (user: string, id?: string): BookingResult => ({ ok: true, user, ...(id !== undefined && { id }) })
  return {
    get: (user: string, id?: string) => of({ name: 'get' }, held(user, id)),
    book: (user: string, id?: string) => of({ name: 'book', user }, held(user, id)),
    taken: (user: string, holder: string) => of({ name: 'book', user }, { ok: false, user: holder }),
    cancel: (user: string, id?: string) => of({ name: 'cancel' }, held(user, id)),
    lost: (user: string) => of({ name: 'book', user }, 'unknown'),
  }
}
