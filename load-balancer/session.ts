/**
 * Sessions number the requests that must run exactly once, so that a backend and its successor recognise a replay.
 * The way of RIFL (Lee et al., SOSP 2015). Pure.
 */

/** An open session: hands out numbers and knows the lowest that still waits for its answer. */
export class Session {
  readonly id: string
  readonly #waiting = new Set<number>()
  #next = 1
  #lowest = 1

  constructor(id: string) {
    this.id = id
  }

  /** The number of the next request. */
  take(): number {
    const number = this.#next
    this.#next += 1
    this.#waiting.add(number)
    return number
  }

  /** The request of this number needs its answer no more. Repeating it changes nothing. */
  done(number: number): void {
    this.#waiting.delete(number)
    while (this.#lowest < this.#next && !this.#waiting.has(this.#lowest)) this.#lowest += 1
  }

  /** Whatever is below was answered and may be forgotten. */
  get lowestWaiting(): number {
    return this.#lowest
  }
}

/** The session in use, if any, and whether one is being opened. At most one is opened at a time. */
export class Sessions {
  #current: Session | undefined
  #opening = false

  get current(): Session | undefined {
    return this.#current
  }

  /** True if the caller is to open a session now; it then reports `opened` or `notOpened`. */
  begin(): boolean {
    if (this.#current || this.#opening) return false
    this.#opening = true
    return true
  }

  opened(id: string): void {
    this.#opening = false
    this.#current = new Session(id)
  }

  notOpened(): void {
    this.#opening = false
  }

  /** The backend ended `session`. News of an older one than the current changes nothing. */
  ended(session: Session): void {
    if (this.#current === session) this.#current = undefined
  }
}
