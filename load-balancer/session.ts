/**
 * Sessions number the requests that must run exactly once, so that a backend and its successor recognise a replay.
 * The way of RIFL (Lee et al., SOSP 2015). Pure.
 */

const ringLengthFirst = 16

/** An open session: hands out numbers and knows the lowest that still waits for its answer. */
export class Session {
  readonly id: string
  /** Which of the numbers from the lowest that waits to the highest given are done: a ring, a power of two long. */
  #done = new Uint8Array(ringLengthFirst)
  #next = 1
  #lowest = 1

  constructor(id: string) {
    this.id = id
  }

  /** The number of the next request. */
  take(): number {
    const number = this.#next
    this.#next += 1
    if (this.#next - this.#lowest > this.#done.length) this.#grow()
    return number
  }

  /** The request of this number needs its answer no more. Repeating it changes nothing. */
  done(number: number): void {
    if (number < this.#lowest || number >= this.#next) return
    const mask = this.#done.length - 1
    this.#done[number & mask] = 1
    while (this.#lowest < this.#next && this.#done[this.#lowest & mask] === 1) {
      this.#done[this.#lowest & mask] = 0
      this.#lowest += 1
    }
  }

  /** Whatever is below was answered and may be forgotten. */
  get lowestWaiting(): number {
    return this.#lowest
  }

  #grow(): void {
    const grown = new Uint8Array(this.#done.length * 2)
    for (let number = this.#lowest; number < this.#next - 1; number += 1) {
      grown[number & (grown.length - 1)] = this.#done[number & (this.#done.length - 1)]!
    }
    this.#done = grown
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
