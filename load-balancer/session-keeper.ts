/** Keeps a session open and numbers requests by it. A shell around `session.ts`. */
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
  /** A session is there. */
  opened: () => void
  /** None was given, for `reason`; it is asked again after a pause, if one is wanted still. */
  notOpened: (reason: string) => void
}

/**
 * A session that is not given within so long is asked for anew, milliseconds. All writes wait for it, and the connection of the request may be one
 * that a middlebox has forgotten: nobody would ever hear of that, as others answer meanwhile. A second session does no harm.
 */
export const sessionPatienceMs = 500

export class SessionKeeper {
  readonly #options: SessionKeeperOptions
  readonly #sessions = new Sessions()
  #cancelPause: () => void = () => undefined
  #cancelWait: () => void = () => undefined
  #closed = false

  constructor(options: SessionKeeperOptions) {
    this.#options = options
  }

  /** Gives the request its number; false if there is no session. */
  number(job: Job): boolean {
    const session = this.#sessions.current
    if (!session) return false
    job.session = session
    job.number = session.take()
    return true
  }

  /** Asks for a session, if one is wanted and nobody asks already. */
  open(): void {
    if (this.#closed || !this.#options.wanted() || !this.#sessions.begin()) return
    const outlet = new SessionOutlet({
      opened: (id) => {
        this.#cancelWait()
        this.#sessions.opened(id)
        this.#options.opened()
      },
      notOpened: (reason) => this.#failed(reason),
    })
    const { time, submit, abandon } = this.#options
    const job = submit({ outlet, outgoing: sessionRequest(), harmless: true })
    if (job.done) return
    const look = () => {
      // It waits for a target or a connection: these are bounded by themselves, and what becomes of them is evidence.
      if (!job.sending?.left) {
        this.#cancelWait = time.after(sessionPatienceMs, look)
        return
      }
      abandon(job)
      this.#failed(`no answer within ${sessionPatienceMs} ms when asked for a session`)
    }
    this.#cancelWait = time.after(sessionPatienceMs, look)
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

  #failed(reason: string): void {
    this.#cancelWait()
    this.#sessions.notOpened()
    if (this.#closed) return
    this.#options.notOpened(reason)
    this.#cancelPause()
    this.#cancelPause = this.#options.time.after(pauseMaxMs, () => this.open())
  }
}
