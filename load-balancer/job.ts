/** One request in the replay lane, from when it was read until it is answered. */
import { isIdempotent, isSafe } from '../checkpoint/http-methods.ts'
import { requestHeader } from '../checkpoint/request-headers.ts'
import type { Problem, ProblemType } from './problem.ts'
import { type Facts, type Failure, outcomeOf } from './replay.ts'
import type { Hint } from './routing.ts'
import type { Head, Outgoing, Sending, SendingListener } from './sending.ts'
import type { Session } from './session.ts'

/** Where the answer goes. */
export interface Outlet {
  answer(job: Job, head: Head, body: Buffer | null): void
  begin(job: Job, head: Head): void
  /** False asks for a pause, until `sending.resume` is called. */
  write(chunk: Buffer): boolean
  end(): void
  /** Ends it so that the client sees that something is missing. */
  cut(): void
  problem(job: Job, problem: Problem): void
}

/** Who sends it, and decides what becomes of it. */
export interface JobOwner {
  connected(job: Job): void
  answered(job: Job): void
  finished(job: Job): void
  failed(job: Job, failure: Failure, error: Error, hint: Hint | undefined): void
}

export interface JobOptions {
  owner: JobOwner
  outlet: Outlet
  /** Headers for the backend, flat, hop-by-hop headers removed; the owner adds its own. */
  outgoing: Outgoing
  /** The client's Idempotency-Key. */
  key?: string | null
  /** True if a second run does no harm although the method does not say so. */
  harmless?: boolean
}

export class Job implements Facts, SendingListener {
  readonly safe: boolean
  readonly idempotent: boolean
  readonly outgoing: Outgoing
  readonly key: string | null
  readonly #owner: JobOwner
  readonly #outlet: Outlet
  losses = 0
  lostUnnumbered = false
  quickRetries = 0
  /** How often it left on a connection. */
  sendings = 0
  failures = 0
  /** Why the last sending that had left was not enough. */
  resendReason: Failure['type'] | undefined
  session: Session | undefined
  number = 0
  /** Where in the headers the note of each sending stands. */
  readonly noteIndex: number
  /** True if a backend recognises a replay of the sending under way. */
  numbered = false
  /** Time spent in holds that are over, milliseconds. */
  heldForMs = 0
  sending: Sending | undefined
  done = false

  constructor({ owner, outlet, outgoing, key = null, harmless = false }: JobOptions) {
    this.#owner = owner
    this.#outlet = outlet
    this.outgoing = outgoing
    this.noteIndex = outgoing.headers.push(requestHeader, '') - 1
    this.key = key
    this.safe = harmless || isSafe(outgoing.method)
    this.idempotent = harmless || isIdempotent(outgoing.method)
  }

  get bytes(): number {
    return this.outgoing.body?.length ?? 0
  }

  /** How often it was sent again. */
  get replays(): number {
    return this.sendings > 0 ? this.sendings - 1 : 0
  }

  /** Answers the client with a problem of the balancer's own. */
  giveUp(type: ProblemType): void {
    this.#outlet.problem(this, { type, outcome: outcomeOf(this), key: this.key })
  }

  connected(): void {
    this.sendings += 1
    this.#owner.connected(this)
  }

  answered(head: Head, body: Buffer | null): void {
    this.#outlet.answer(this, head, body)
    this.#owner.answered(this)
    this.#owner.finished(this)
  }

  begun(head: Head): void {
    this.#outlet.begin(this, head)
    this.#owner.answered(this)
  }

  data(chunk: Buffer): boolean {
    return this.#outlet.write(chunk)
  }

  ended(): void {
    this.#outlet.end()
    this.#owner.finished(this)
  }

  cut(): void {
    this.#outlet.cut()
    this.#owner.finished(this)
  }

  failed(failure: Failure, error: Error, hint: Hint | undefined): void {
    this.#owner.failed(this, failure, error, hint)
  }
}
