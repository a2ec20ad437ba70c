/** Keeps sessions open and numbers requests by them. A shell around `session.ts`. */
import type { Time } from '../checkpoint/time.ts'
import { pauseMaxMs } from './gate.ts'
import type { Job, Submission } from './job.ts'
import { type Session, Sessions } from './session.ts'
import { SessionOutlet, sessionRequest } from './session-outlet.ts'

export interface SessionKeeperOptions {
  time: Time
  /** True if a request waits for a session. */
  wanted: () => boolean
  /** Sends the request for a session as any other. */
  submit: (submission: Submission) => Job
  /** Nobody waits for its answer any more. */
  abandon: (job: Job) => void
  /** A session is there, the only one or a further one; `count` are open now. */
  opened: (count: number) => void
  /** None was given, for `reason`; it is asked again, if one is wanted still. */
  notOpened: (reason: string) => void
}

/**
 * A session that is not given within so long is asked for a second time, milliseconds. All writes wait for it, and the connection of the request
 * may be one that a middlebox has forgotten: nobody would ever hear of that, as others answer meanwhile. A second session does no harm.
 */
export const sessionPatienceMs = 500

/** The patience doubles at each miss, up to so much, milliseconds: a journal that is slow is not made slower by what asks it again and again. */
export const sessionPatienceMaxMs = 10_000

/** Requests for a session under way at a time: the first, which may only be slow and is waited for, and the last of those that stand in for it. */
const askedMax = 2

/** A further session beside others is asked for at most so often, milliseconds. */
export const furtherSessionMs = 1_000

export class SessionKeeper {
  readonly #options: SessionKeeperOptions
  readonly #sessions = new Sessions()
  /** Requests for a session under way, oldest first. */
  #asked: Job[] = []
  /** How often in a row the patience was over. */
  #misses = 0
  /** When a further session was asked for last. */
  #furtherAtMs = Number.NEGATIVE_INFINITY
  #cancelPause: () => void = () => undefined
  #cancelWait: () => void = () => undefined
  #closed = false

  constructor(options: SessionKeeperOptions) {
    this.#options = options
  }

  /** Gives the request its number; false if there is no session. */
  number(job: Job): boolean {
    const session = this.#sessions.choose()
    if (!session) return false
    job.session = session
    job.number = session.take()
    // Later: this request is about to be sent, and another is not to be sent in the midst of that.
    if (session.stuck && this.#wanted && this.#rested) this.#options.time.soon(() => this.open())
    return true
  }

  /** Asks for a session, if one is wanted and nobody asks already. */
  open(): void {
    if (!this.#closed && this.#wanted && this.#rested && this.#sessions.begin()) this.#ask()
  }

  /** The backend ended `session`. */
  ended(session: Session): void {
    this.#sessions.ended(session)
  }

  close(): void {
    this.#closed = true
    this.#cancelPause()
    this.#cancelWait()
  }

  /** True if requests wait for a session, or if those that are open are stuck and another may be had. */
  get #wanted(): boolean {
    return this.#sessions.current ? this.#sessions.wanting : this.#options.wanted()
  }

  /** True if a session may be asked for: a further one only some time after the last. */
  get #rested(): boolean {
    return !this.#sessions.current || this.#options.time.now() - this.#furtherAtMs >= furtherSessionMs
  }

  get #patienceMs(): number {
    return Math.min(sessionPatienceMs * 2 ** this.#misses, sessionPatienceMaxMs)
  }

  #ask(): void {
    const outlet = new SessionOutlet({
      opened: (id, job) => this.#opened(id, job),
      notOpened: (reason, job) => this.#notGiven(reason, job),
    })
    if (this.#sessions.current) this.#furtherAtMs = this.#options.time.now()
    const job = this.#options.submit({ outlet, outgoing: sessionRequest(), harmless: true })
    if (!job.done) this.#asked.push(job)
    if (this.#asked.length > 0) this.#wait()
  }

  #wait(): void {
    this.#cancelWait = this.#options.time.after(this.#patienceMs, () => this.#look())
  }

  #look(): void {
    // It waits for a target or a connection: these are bounded by themselves, and what becomes of them is evidence.
    if (!this.#asked.at(-1)?.sending?.left) return this.#wait()
    const reason = `no answer within ${this.#patienceMs} ms when asked for a session`
    this.#misses += 1
    if (!this.#wanted) {
      this.#misses = 0
      return this.#failed(reason)
    }
    this.#options.notOpened(reason)
    if (this.#asked.length === askedMax) this.#options.abandon(this.#asked.pop()!)
    if (this.#asked.length > 0) this.#ask() // else the first was given up in the midst of that, and all is told
  }

  #opened(id: string, by: Job): void {
    this.#misses = 0
    this.#sessions.opened(id)
    this.#settle(by)
    this.#options.opened(this.#sessions.count)
  }

  #notGiven(reason: string, to: Job): void {
    this.#asked = this.#asked.filter((job) => job !== to)
    if (this.#asked.length === 0) this.#failed(reason)
  }

  #failed(reason: string): void {
    this.#sessions.notOpened()
    this.#settle()
    if (this.#closed) return
    this.#options.notOpened(reason)
    this.#cancelPause()
    this.#cancelPause = this.#options.time.after(pauseMaxMs, () => this.open())
  }

  /** Nobody waits any more for what was asked, but for the one that told. */
  #settle(teller?: Job): void {
    this.#cancelWait()
    const asked = this.#asked
    this.#asked = []
    for (const job of asked) if (job !== teller) this.#options.abandon(job)
  }
}
