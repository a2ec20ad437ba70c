/** What a client did to one object of the demo service and what it was told: the material that `check` judges. */

/** Any JSON value: what a register holds. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** A register: a value with a version that rises by one at each change; one never set has `null` and version 0. */
export type RegisterCall =
  | { readonly name: 'get' }
  | { readonly name: 'set'; readonly value: JsonValue }
  | { readonly name: 'compare-and-set'; readonly expect: JsonValue; readonly value: JsonValue }

/** `ok` is false for a compare-and-set that found another value, and for a `get` of a register never set. */
export interface RegisterResult {
  readonly ok: boolean
  readonly value: JsonValue
  readonly version: number
}

/** A counter: a number that only grows, 0 at first. */
export type CounterCall = { readonly name: 'get' } | { readonly name: 'increment'; readonly by: number }

/** The value seen, or the one after the increment. */
export interface CounterResult {
  readonly value: number
}

/** A seat: free, or booked by one user. */
export type BookingCall =
  | { readonly name: 'get' }
  | { readonly name: 'book'; readonly user: string }
  | { readonly name: 'cancel' }

/** `ok` is false for a `book` that met a holder (`user` says whom), and for a `get` or `cancel` of a free seat. */
export interface BookingResult {
  readonly ok: boolean
  readonly user?: string
  readonly id?: string
}

/**
 * `unknown`: nobody told the client; it may have taken effect at any moment after its call, later than its end too, or never.
 * `not applied`: the client was told that it had no effect, so it must never have one.
 */
export type Unanswered = 'unknown' | 'not applied'

/** Which object is called, and how. */
export type Invocation =
  | { readonly model: 'register'; readonly key: string; readonly call: RegisterCall }
  | { readonly model: 'counter'; readonly key: string; readonly call: CounterCall }
  | { readonly model: 'booking'; readonly key: string; readonly call: BookingCall }

/** What came back, by model. */
export interface Results {
  readonly register: RegisterResult
  readonly counter: CounterResult
  readonly booking: BookingResult
}

/** One operation of one client. Times are of one clock; operations that end and begin at the same moment are concurrent. */
export type Operation = Invocation & {
  readonly client: string
  readonly result: Results[keyof Results] | Unanswered
  readonly startMs: number
  /** `Infinity` if no answer came. */
  readonly endMs: number
}
