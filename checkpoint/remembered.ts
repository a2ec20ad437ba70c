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
import { z } from 'zod'
import type { Marks } from './record.ts'

export interface RememberedLimits {
  /** Most sessions open at once. */
  readonly sessionsMax: number
  /** A session with no journaled request for this long is ended, milliseconds of journal time. */
  readonly sessionIdleMs: number
  /** Most bytes of answers that one session may hold: one request that never ends would hold all later ones. */
  readonly sessionBytesMax: number
  /** Most bytes of answers that all sessions together may hold. */
  readonly sessionsBytesMax: number
  /** Most client keys remembered. */
  readonly keysMax: number
  /** Most bytes of answers remembered under client keys. */
  readonly keyBytesMax: number
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
  /** What they all together count for, see {@link countedBytes}. */
  bytes: number
  /** Requests recorded and not durable yet: a session that has some is not silent. No part of the replicated state. */
  unsettled: number
}

/** What a snapshot holds of what is remembered: a session, a response of the session before it, a key, or how many sessions were opened. */
const copiedItem = z.union([
  z.object({ session: z.string(), lastAt: z.number(), lowestWaiting: z.number() }),
  z.object({ of: z.string(), number: z.number(), response: z.string() }),
  z.object({ key: z.string(), fingerprint: z.string(), response: z.string(), at: z.number() }),
  z.object({ sessionsOpened: z.number() }),
])

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
  | { readonly kind: 'full' }

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
  #keyBytes = 0
  #sessionsBytes = 0
  #sessionsOpened = 0

  constructor(limits: RememberedLimits) {
    this.#limits = limits
  }

  /** The name of the next session: a count that is part of the state, so no name is ever used twice. Undefined if there are too many. */
  nextSession(): string | undefined {
    return this.#sessions.size < this.#limits.sessionsMax ? String(this.#sessionsOpened + 1) : undefined
  }

  /** A request of an ended session, or a number that its balancer is done with, is refused for ever: it may have run before. */
  findRequest(session: string, number: number, lowestWaiting = 0): SessionLookup {
    const found = this.#sessions.get(session)
    if (!found || number < found.lowestWaiting) return { kind: 'ended' }
    const response = found.responses.get(number)
    if (response !== undefined) return { kind: 'recorded', response }
    const { sessionBytesMax, sessionsBytesMax } = this.#limits
    const room = Math.min(sessionBytesMax - found.bytes, sessionsBytesMax - this.#sessionsBytes)
    // Full or not, what this request says is done with will be forgotten by it: else a full session would stay one.
    return room > 0 || room + bytesBelow(found, lowestWaiting) > 0 ? { kind: 'new' } : { kind: 'full' }
  }

  findKey(key: string, fingerprint: string): KeyLookup {
    const found = this.#keys.get(key)
    if (!found)
      return this.#keys.size < this.#limits.keysMax && this.#keyBytes < this.#limits.keyBytesMax
        ? { kind: 'new' }
        : { kind: 'full' }
    return found.fingerprint === fingerprint ? { kind: 'recorded', response: found.response } : { kind: 'mismatch' }
  }

  /** The marks of the transaction, if any, by which a writer at journal time `at` must end what is too old. */
  expired(at: number): Marks | null {
    const forgetBefore = at - this.#limits.keyAgeMs
    const [oldest] = this.#keys.values() // insertion order is log order
    const forgets = oldest?.at !== undefined && oldest.at < forgetBefore
    const end = this.#idleSession(at - this.#limits.sessionIdleMs)
    if (!forgets && end === undefined) return null
    return { ...(forgets ? { forgetBefore } : {}), ...(end === undefined ? {} : { end }) }
  }

  /** Records ahead of the journal; `response` is a JSON text. */
  record(marks: Marks, response: string): void {
    const { request, key, fingerprint = '', open } = marks
    if (open !== undefined) {
      this.#sessionsOpened = Math.max(this.#sessionsOpened, Number(open))
      this.#end(open) // a copy that is replayed upon may have it already, with answers
      this.#sessions.set(open, {
        lastAt: Number.POSITIVE_INFINITY,
        lowestWaiting: 0,
        responses: new Map(),
        bytes: 0,
        unsettled: 0,
      })
    }
    if (request) this.#recordRequest(request, response)
    if (key === undefined) return
    this.#forgetKey(key)
    this.#keys.set(key, { fingerprint, response, at: undefined })
    this.#keyBytes += countedBytes(response)
  }

  /** Takes the last recording back. */
  unrecord(marks: Marks): void {
    const { request, key, open } = marks
    if (key !== undefined) this.#forgetKey(key)
    const session = request && this.#sessions.get(request[0])
    if (session) {
      this.#forget(session, request[1])
      session.unsettled--
    }
    if (open !== undefined) {
      this.#end(open)
      this.#sessionsOpened = Number(open) - 1
    }
  }

  /** Forgets what a durable transaction allows to be forgotten. */
  settle(marks: Marks, at: number): void {
    const { request, key, open, end, forgetBefore } = marks
    if (request) this.#settleRequest(request, at)
    if (open !== undefined) this.#touch(open, at)
    if (end !== undefined) this.#end(end)
    const rememberedKey = key === undefined ? undefined : this.#keys.get(key)
    if (rememberedKey) rememberedKey.at = at
    if (forgetBefore !== undefined) this.#forgetKeys(forgetBefore)
  }

  /** A plain copy, for comparing replicas. */
  snapshot(): unknown {
    const sessions = [...this.#sessions].map(([name, { lastAt, lowestWaiting, responses, bytes }]) => [
      name,
      { lastAt, lowestWaiting, responses: [...responses], bytes },
    ])
    const [keyBytes, sessionsBytes, sessionsOpened] = [this.#keyBytes, this.#sessionsBytes, this.#sessionsOpened]
    return { sessions, keys: [...this.#keys], keyBytes, sessionsBytes, sessionsOpened }
  }

  /**
   * Copies what is remembered for a snapshot, item by item as JSON texts for {@link load}, while it changes: whoever loads it replays the
   * journal from where the snapshot began, `at` being the journal time there. That gives the same state as the plain fold because
   * - sessions are copied in the order of their last use, each as it is when its turn comes; replaying moves those that were used since the
   *   start behind the others in log order, and records no response below what a session was done with when it was copied;
   * - keys are copied in the order in which they were recorded, which is that of their times, and none that is younger than the copy: it is
   *   recorded again when it is replayed. So the oldest is always first, and forgetting may stop at the first that is young enough.
   */
  *copy(at: number): Generator<string, void> {
    const names = [...this.#sessions]
      .filter(([, { lastAt }]) => lastAt < Number.POSITIVE_INFINITY)
      .map(([name]) => name)
    for (const name of names) {
      const session = this.#sessions.get(name)
      if (!session) continue // ended meanwhile, as the journal says
      yield JSON.stringify({ session: name, lastAt: session.lastAt, lowestWaiting: session.lowestWaiting })
      for (const [number, response] of session.responses) yield JSON.stringify({ of: name, number, response })
    }
    for (const [key, remembered] of this.#keys) {
      if (remembered.at === undefined || remembered.at > at) break
      yield JSON.stringify({ key, ...remembered })
    }
    yield JSON.stringify({ sessionsOpened: this.#sessionsOpened })
  }

  /** Takes one item of {@link copy}, in the order in which they were made. */
  load(item: string): void {
    const copied = copiedItem.parse(JSON.parse(item))
    if ('session' in copied) {
      const { session, lastAt, lowestWaiting } = copied
      this.#sessions.set(session, { lastAt, lowestWaiting, responses: new Map(), bytes: 0, unsettled: 0 })
    } else if ('of' in copied) {
      const session = this.#sessions.get(copied.of)
      if (session) this.#keep(session, copied.number, copied.response)
    } else if ('key' in copied) {
      const { key, fingerprint, response, at } = copied
      this.#keys.set(key, { fingerprint, response, at })
      this.#keyBytes += countedBytes(response)
    } else this.#sessionsOpened = copied.sessionsOpened
  }

  /** Forgets everything, as if nothing had been read. */
  clear(): void {
    this.#sessions.clear()
    this.#keys.clear()
    this.#keyBytes = 0
    this.#sessionsBytes = 0
    this.#sessionsOpened = 0
  }

  /** Length of all answers remembered. */
  get bytes(): number {
    let bytes = this.#keyBytes
    for (const session of this.#sessions.values()) bytes += session.bytes
    return bytes
  }

  /** How much is remembered. */
  counts(): { sessions: number; responses: number; keys: number } {
    let responses = 0
    for (const session of this.#sessions.values()) responses += session.responses.size
    return { sessions: this.#sessions.size, responses, keys: this.#keys.size }
  }

  #recordRequest([name, number]: readonly [string, number, number], response: string): void {
    const session = this.#sessions.get(name)
    if (!session) return
    session.unsettled++
    if (number < session.lowestWaiting) return // on the writer, settling has forgotten it already
    this.#keep(session, number, response)
  }

  #keep(session: Session, number: number, response: string): void {
    this.#forget(session, number) // a copy that is replayed upon has it already
    session.responses.set(number, response)
    this.#addBytes(session, countedBytes(response))
  }

  #forget(session: Session, number: number): void {
    const response = session.responses.get(number)
    if (response === undefined) return
    session.responses.delete(number)
    this.#addBytes(session, -countedBytes(response))
  }

  #addBytes(session: Session, bytes: number): void {
    session.bytes += bytes
    this.#sessionsBytes += bytes
  }

  #end(name: string): void {
    this.#sessionsBytes -= this.#sessions.get(name)?.bytes ?? 0
    this.#sessions.delete(name)
  }

  #idleSession(before: number): string | undefined {
    for (const [name, { lastAt, unsettled }] of this.#sessions) {
      if (lastAt >= before) return undefined // kept in the order of their last use
      if (unsettled === 0) return name
    }
    return undefined
  }

  #settleRequest([name, , lowestWaiting]: readonly [string, number, number], at: number): void {
    const session = this.#touch(name, at)
    if (session) session.unsettled--
    if (!session || lowestWaiting <= session.lowestWaiting) return
    const { responses } = session
    if (lowestWaiting - session.lowestWaiting > responses.size) {
      for (const number of responses.keys()) if (number < lowestWaiting) this.#forget(session, number)
    } else {
      for (let number = session.lowestWaiting; number < lowestWaiting; number++) this.#forget(session, number)
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
      this.#forgetKey(key)
    }
  }

  #forgetKey(key: string): void {
    const found = this.#keys.get(key)
    if (!found) return
    this.#keyBytes -= countedBytes(found.response)
    this.#keys.delete(key)
  }
}

function bytesBelow(session: Session, lowestWaiting: number): number {
  // Nothing is kept below, and a full session may have half a million answers above: they are not looked at for each request that is refused.
  if (lowestWaiting <= session.lowestWaiting) return 0
  let bytes = 0
  for (const [number, response] of session.responses) if (number < lowestWaiting) bytes += countedBytes(response)
  return bytes
}

/** What remembering costs beside the text, measured (docs/memory.md): many small answers fill memory as few large ones do. Bytes. */
const overheadBytes = 100

/** What a remembered answer counts for against the limits, bytes. */
function countedBytes(response: string): number {
  return overheadBytes + response.length
}
