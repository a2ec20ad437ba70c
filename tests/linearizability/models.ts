/** What each object of the demo service does when nothing is concurrent: the sequential specifications. */
import type {
  BookingCall,
  BookingResult,
  CounterCall,
  CounterResult,
  JsonValue,
  Operation,
  RegisterCall,
  RegisterResult,
} from './operation.ts'

/** A sequential specification. States are never changed in place. */
export interface Model<State, Call, Result> {
  readonly initial: State
  /**
   * The state after `call`, if it can answer `result` in `state` (anything, if the result is not known).
   * The very same state is returned if nothing changes; `undefined` means that it cannot answer so here.
   */
  step(state: State, call: Call, result: Result | undefined): State | undefined
  /** Two states with one key are the same state. */
  keyOf(state: State): string
  /** How often the object has changed, where that can be told: it only rises along any order. */
  rankOf?(state: State): number
  /** The rank that a state must have for `call` to answer `result` in it. */
  rankBefore?(call: Call, result: Result): number
  /** False if the call can never change anything. */
  changes(call: Call): boolean
  /** The values that an operation asks about or tells of: what is not among those of any answered one cannot be told apart. */
  seenIn(call: Call, result: Result | undefined): readonly string[]
  /** The call with another name for the value it writes, if that is not among those seen. */
  veiled(call: Call, seen: ReadonlySet<string>): Call
}

/** Stands for a value that nobody saw. */
const nobodySaw = '(seen by nobody)'

interface Register {
  /** As JSON with sorted keys, so that equal values are equal strings. */
  readonly value: string
  readonly version: number
}

/** JSON with the keys of objects in order: equal values give equal text. */
export function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_key, part: JsonValue) => {
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
  })
}

const register: Model<Register, RegisterCall, RegisterResult> = {
  initial: { value: 'null', version: 0 },
  step(state, call, result) {
    const { value, version } = state
    const swaps = call.name === 'set' || (call.name === 'compare-and-set' && canonical(call.expect) === value)
    const next = swaps ? { value: canonical(call.value), version: version + 1 } : state
    if (!result) return next
    const ok = call.name === 'get' ? version > 0 : swaps
    const fits = result.ok === ok && result.version === next.version && canonical(result.value) === next.value
    return fits ? next : undefined
  },
  keyOf: ({ value, version }) => `${version} ${value}`,
  rankOf: ({ version }) => version,
  rankBefore: (call, { ok, version }) => (ok && call.name !== 'get' ? version - 1 : version),
  changes: ({ name }) => name !== 'get',
  seenIn: (call, result) => [
    ...(call.name === 'compare-and-set' ? [canonical(call.expect)] : []),
    ...(result ? [canonical(result.value)] : []),
  ],
  veiled: (call, seen) =>
    call.name === 'get' || seen.has(canonical(call.value)) ? call : { ...call, value: nobodySaw },
}

const counter: Model<number, CounterCall, CounterResult> = {
  initial: 0,
  step(state, call, result) {
    const next = call.name === 'increment' ? state + call.by : state
    return !result || result.value === next ? next : undefined
  },
  keyOf: String,
  rankOf: (state) => state,
  rankBefore: (call, { value }) => (call.name === 'increment' ? value - call.by : value),
  changes: ({ name }) => name !== 'get',
  seenIn: () => [],
  veiled: (call) => call,
}

interface Seat {
  readonly user: string | undefined
  /** Unknown until somebody was told it. */
  readonly id: string | undefined
}

const free: Seat = { user: undefined, id: undefined }

/** The seat seen as `result` tells it, its id learned if it was not known yet; `undefined` if it is another. */
function seen(seat: Seat, result: BookingResult | undefined): Seat | undefined {
  if (!result) return seat
  if (result.user !== seat.user) return undefined
  if (result.id === undefined || result.id === seat.id) return seat
  return seat.id === undefined ? { user: seat.user, id: result.id } : undefined
}

const booking: Model<Seat, BookingCall, BookingResult> = {
  initial: free,
  step(state, call, result) {
    const taken = state.user !== undefined
    if (result && result.ok !== (call.name === 'book' ? !taken : taken)) return undefined
    if (call.name === 'book' && !taken) return seen({ user: call.user, id: undefined }, result)
    const same = taken ? seen(state, result) : free
    return same && call.name === 'cancel' ? free : same
  },
  keyOf: ({ user, id }) => (user === undefined ? '' : `${user} ${id}`),
  changes: ({ name }) => name !== 'get',
  seenIn: (_call, result) => (result?.user === undefined ? [] : [result.user]),
  veiled: (call, seen) => (call.name !== 'book' || seen.has(call.user) ? call : { ...call, user: nobodySaw }),
}

/** A model that no longer tells its types apart: operations carry what fits it. */
export type AnyModel = Model<unknown, Operation['call'], unknown>

/** The specification of each kind of object. */
export const models = { register, counter, booking } as unknown as Record<Operation['model'], AnyModel>
