/**
 * What exactly-once remembers, in bounded memory.
 *
 * Sessions in the way of RIFL (Lee et al., "Implementing linearizability at large scale and low latency", SOSP 2015): a balancer numbers
 * its requests within a session and says the lowest number it still waits for; the response is recorded with the changes and
 * forgotten below that number. What is kept is what is in flight, not a window of history.
 *
 * Client keys (`Idempotency-Key`) are kept for a stated journal time and up to a stated count: full of young keys, new ones are
 * refused, never old ones forgotten early.
 *
 * Recording happens when a transaction runs and can be taken back; forgetting happens when its record is durable. Both are
 * functions of the journal alone, so replicas remember and forget alike.
 */
import type { Transaction } from './record.ts'

export interface RememberedLimits {
  /** Most sessions open at once. */
  readonly sessionsMax: number
  /** A session with no journaled request for this long is ended, milliseconds of journal time. */
  readonly sessionIdleMs: number
  /** Most client keys remembered. */
  readonly keysMax: number
  /** How long a client key is remembered, milliseconds of journal time. */
  readonly keyAgeMs: number
}

interface Session {
  /** Journal time of its last durable transaction, milliseconds. */
  lastAt: number
  /** Everything below is done with. */
  lowestWaiting: number
  /** JSON texts by request number. */
  readonly responses: Map<number, string>
}

interface RememberedKey {
  readonly fingerprint: string
  readonly response: string
  /** Journal time when it became durable; undefined until then. */
  at: number | undefined
}

/** What is known of a request under a session. */
export type SessionLookup =
  | { readonly kind: 'new' }
  | { readonly kind: 'recorded'; readonly response: string }
  | { readonly kind: 'ended' }

/** What is known of a client's key. */
export type KeyLookup =
  | { readonly kind: 'new' }
  | { readonly kind: 'recorded'; readonly response: string }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'full' }

export class Remembered {
  readonly #limits: RememberedLimits
  readonly #sessions = new Map<string, Session>()
  readonly #keys = new Map<string, RememberedKey>()
  #sessionsOpened = 0

  constructor(limits: RememberedLimits) {
    this.#limits = limits
  }

  /** The name of the next session: a count that is part of the state, so no name is ever used twice. Undefined if there are too many. */
  nextSession(): string | undefined {
    return this.#sessions.size < this.#limits.sessionsMax ? String(this.#sessionsOpened + 1) : undefined
  }

  /** A request of an ended session, or a number that its balancer is done with, is refused for ever: it may have run before. */
  findRequest(session: string, number: number): SessionLookup {
    const found = this.#sessions.get(session)
    if (!found || number < found.lowestWaiting) return { kind: 'ended' }
    const response = found.responses.get(number)
    return response === undefined ? { kind: 'new' } : { kind: 'recorded', response }
  }

  findKey(key: string, fingerprint: string): KeyLookup {
    const found = this.#keys.get(key)
    if (!found) return this.#keys.size < this.#limits.keysMax ? { kind: 'new' } : { kind: 'full' }
    return found.fingerprint === fingerprint ? { kind: 'recorded', response: found.response } : { kind: 'mismatch' }
  }

  /** The transaction, if any, by which a writer at journal time `at` must end what is too old. */
  expired(at: number): Transaction | null {
    const forgetBefore = at - this.#limits.keyAgeMs
    for (const key of this.#keys.values()) {
      if (key.at !== undefined && key.at < forgetBefore) return { forgetBefore }
      break // insertion order is log order: the first is the oldest
    }
    for (const [name, session] of this.#sessions) {
      if (session.lastAt < at - this.#limits.sessionIdleMs) return { end: name }
      break // kept in the order of their last use
    }
    return null
  }

  /** Records ahead of the journal; `response` is a JSON text. */
  record(transaction: Transaction, response: string): void {
    const { request, key, fingerprint = '', open } = transaction
    if (open !== undefined) {
      this.#sessionsOpened = Math.max(this.#sessionsOpened, Number(open))
      this.#sessions.set(open, { lastAt: Number.POSITIVE_INFINITY, lowestWaiting: 0, responses: new Map() })
    }
    if (request) this.#sessions.get(request[0])?.responses.set(request[1], response)
    if (key !== undefined) this.#keys.set(key, { fingerprint, response, at: undefined })
  }

  /** Takes the last recording back. */
  unrecord(transaction: Transaction): void {
    const { request, key, open } = transaction
    if (key !== undefined) this.#keys.delete(key)
    if (request) this.#sessions.get(request[0])?.responses.delete(request[1])
    if (open !== undefined) {
      this.#sessions.delete(open)
      this.#sessionsOpened = Number(open) - 1
    }
  }

  /** Forgets what a durable transaction allows to be forgotten. */
  settle(transaction: Transaction, at: number): void {
    const { request, key, open, end, forgetBefore } = transaction
    if (request) this.#settleRequest(request, at)
    if (open !== undefined) this.#touch(open, at)
    if (end !== undefined) this.#sessions.delete(end)
    const rememberedKey = key === undefined ? undefined : this.#keys.get(key)
    if (rememberedKey) rememberedKey.at = at
    if (forgetBefore !== undefined) this.#forgetKeys(forgetBefore)
  }

  /** A plain copy, for comparing replicas. */
  snapshot(): unknown {
    const sessions = [...this.#sessions].map(([name, session]) => [
      name,
      { ...session, responses: [...session.responses] },
    ])
    return { sessions, keys: [...this.#keys], sessionsOpened: this.#sessionsOpened }
  }

  /** How much is remembered. */
  counts(): { sessions: number; responses: number; keys: number } {
    let responses = 0
    for (const session of this.#sessions.values()) responses += session.responses.size
    return { sessions: this.#sessions.size, responses, keys: this.#keys.size }
  }

  #settleRequest([name, , lowestWaiting]: readonly [string, number, number], at: number): void {
    const session = this.#touch(name, at)
    if (!session || lowestWaiting <= session.lowestWaiting) return
    const { responses } = session
    if (lowestWaiting - session.lowestWaiting > responses.size) {
      for (const number of responses.keys()) if (number < lowestWaiting) responses.delete(number)
    } else {
      for (let number = session.lowestWaiting; number < lowestWaiting; number++) responses.delete(number)
    }
    session.lowestWaiting = lowestWaiting
  }

  #touch(name: string, at: number): Session | undefined {
    const session = this.#sessions.get(name)
    if (!session) return undefined
    session.lastAt = at
    this.#sessions.delete(name)
    this.#sessions.set(name, session)
    return session
  }

  #forgetKeys(before: number): void {
    for (const [key, { at }] of this.#keys) {
      if (at === undefined || at >= before) return
      this.#keys.delete(key)
    }
  }
}
