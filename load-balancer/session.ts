/**
 * Sessions number the requests that must run exactly once, so that a backend and its successor recognise a replay.
 * The way of RIFL (Lee et al., SOSP 2015). Pure.
 */

/**
 * What an answer counts for beside its body, bytes: a backend records it with its headers, and what a balancer sees of it may be compressed.
 * With {@link stuckBytes} a slow request makes a backend keep 1,024 small answers, or 60 of the largest.
 */
const besideBodyBytes = 4 * 1024

/** What an answer counts for whose length was not seen, bytes: the most that a backend records of one (`responseBytesMax`). */
export const unseenAnswerBytes = 64 * 1024

/**
 * A backend keeps all answers from the lowest number that waits on: one request that is slow keeps those of all that come after it. So many
 * bytes of them, and the numbers go on in another session. Far below what a backend keeps for one (64 MiB, `sessionBytesMax`), as many
 * balancers may have several; and above what passes within the time of an ordinary request, or each would count as slow.
 */
export const stuckBytes = 4 * 1024 * 1024

/**
 * Most sessions that a process of a balancer has open. A backend has 10,000 for all (`sessionsMax`), and the memory for these, each left at
 * {@link stuckBytes}, for four such processes (`sessionsBytesMax`).
 */
export const sessionsMax = 16

/** An open session: hands out numbers and knows the lowest that still waits for its answer. */
export class Session {
  readonly id: string
  /** The numbers that wait, each with what was passed on before it was given: as many as requests are under way, however long one of them takes. */
  readonly #waiting = new Map<number, number>()
  /** What the answers passed on so far count for, bytes. */
  #passedBytes = 0
  #next = 1
  #lowest = 1

  constructor(id: string) {
    this.id = id
  }

  /** The number of the next request. */
  take(): number {
    const number = this.#next
    this.#next += 1
    this.#waiting.set(number, this.#passedBytes)
    return number
  }

  /**
   * The request of this number needs its answer no more. Repeating it changes nothing.
   * @param bodyBytes length of the answer's body
   */
  done(number: number, bodyBytes: number): void {
    if (!this.#waiting.delete(number)) return
    this.#passedBytes += besideBodyBytes + bodyBytes
    while (this.#lowest < this.#next && !this.#waiting.has(this.#lowest)) this.#lowest += 1
  }

  /** Whatever is below was answered and may be forgotten. */
  get lowestWaiting(): number {
    return this.#lowest
  }

  /** Requests that wait for their answers. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** What a backend keeps, at most, for the sake of the request that has waited longest, bytes. */
  get keptBytes(): number {
    return this.#passedBytes - (this.#waiting.get(this.#lowest) ?? this.#passedBytes)
  }

  /** True while one of its requests is so slow that the numbers are to go on in another session. */
  get stuck(): boolean {
    return this.keptBytes >= stuckBytes
  }
}

/** The sessions in use, most often one, and whether one is being opened. At most one is opened at a time. */
export class Sessions {
  #current: Session | undefined
  /** In the order in which they were left. */
  readonly #open = new Set<Session>()
  /** Those that were stuck when they were left: their backend keeps all it kept then, until one of their numbers says that it need not. */
  readonly #left = new Set<Session>()
  #opening = false

  /** The session of the number that was given last. */
  get current(): Session | undefined {
    return this.#current
  }

  /** How many are open, as far as is known. */
  get count(): number {
    return this.#open.size
  }

  /**
   * The session that the next number is to be of; undefined if there is none. It stays the same until it is stuck, or until one that was left is
   * so no more. Where all are stuck it is the one whose backend keeps least: no request waits for another to be opened.
   */
  choose(): Session | undefined {
    const from = this.#current
    if (!from || (this.#left.size === 0 && !from.stuck)) return from
    const to = this.#freed() ?? (from.stuck ? this.#roomiest(from) : from)
    if (to !== from) this.#change(from, to)
    return to
  }

  /** True if there is none, or if another is needed and allowed. */
  get wanting(): boolean {
    return !this.#current || (this.#current.stuck && this.#open.size < sessionsMax)
  }

  /** True if the caller is to open a session now; it then reports `opened` or `notOpened`. */
  begin(): boolean {
    if (this.#opening || !this.wanting) return false
    this.#opening = true
    return true
  }

  opened(id: string): void {
    this.#opening = false
    const session = new Session(id)
    this.#open.add(session)
    this.#current ??= session
  }

  notOpened(): void {
    this.#opening = false
  }

  /**
   * The backend ended `session`, as it does with what is silent for long: whatever was left before it is over as well. What still waits in
   * these keeps its number, by which it is recognised or refused.
   */
  ended(session: Session): void {
    if (!this.#open.has(session)) return
    for (const older of this.#open) {
      if (older === session || older !== this.#current) this.#forget(older)
      if (older === session) break
    }
    if (this.#current === session) this.#current = [...this.#open].at(-1)
  }

  #change(from: Session, to: Session): void {
    this.#open.delete(from)
    this.#open.add(from)
    if (from.stuck) this.#left.add(from)
    this.#left.delete(to)
    this.#current = to
  }

  #forget(session: Session): void {
    this.#open.delete(session)
    this.#left.delete(session)
  }

  #freed(): Session | undefined {
    // The one left last is the least likely to be over; and if it is, those before it are.
    return [...this.#left].reverse().find((session) => !session.stuck)
  }

  #roomiest(from: Session): Session {
    let roomiest = from
    // Among equals the one left last: it is the least likely to be over.
    for (const session of this.#open) if (session.keptBytes <= roomiest.keptBytes) roomiest = session
    return roomiest
  }
}
