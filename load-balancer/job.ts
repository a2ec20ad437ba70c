/** One request in the replay lane, from when it was read until it is answered. */

import { isIdempotent, isSafe } from '../checkpoint/http-methods.ts'
import type { BreakerTerm } from './circuit-breaker.ts'
import type { Provenance } from './message-headers.ts'
import type { Place } from './place.ts'
import type { Problem, ProblemType } from './problem.ts'
import { type Facts, type Failure, outcomeOf } from './replay.ts'
import type { KeyedRequest } from './request-key.ts'
import type { Hint } from './routing.ts'
import type { Head, Outgoing, Sending, SendingListener } from './sending.ts'
import { type Session, unseenAnswerBytes } from './session.ts'

/** Where the answer goes. */
export interface Outlet {
  /** What the backend says before its answer (103); may be left unsaid. */
  hint?(headers: Head['headers']): void
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
  /** Its answer begins to leave for the client. */
  answered(job: Job, status: number): void
  finished(job: Job): void
  failed(job: Job, failure: Failure, error: Error, hint: Hint | undefined): void
  /** The client is gone: nobody waits for this answer. */
  abandon(job: Job): void
}

/** A request as a lane takes it. */
export interface Submission {
  outlet: Outlet
  /** Headers for the backend, flat, hop-by-hop headers removed; the owner adds its own. */
  outgoing: Outgoing
  /** The client's Idempotency-Key. */
  key?: string | null
  /** True if a second run does no harm although the method does not say so. */
  harmless?: boolean
  /** What consistent hashing may go by. */
  keyed?: KeyedRequest
}

export class Job implements Facts, SendingListener {
  readonly safe: boolean
  readonly idempotent: boolean
  readonly outgoing: Outgoing
  readonly key: string | null
  readonly keyed: KeyedRequest | undefined
  #owner: JobOwner
  readonly #outlet: Outlet
  /** Length of the headers without what a lane adds for one backend. */
  readonly #headersLength: number
  /** Where it was sent last, as the client is told. */
  backend = 'none'
  epoch = 0
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
  /** The member that it was sent to last, under that member's breaker's term. */
  sentTo: Place | undefined
  term: BreakerTerm = 0
  /** Members that failed it since it was held last. */
  tried: Set<Place> | undefined
  /** True if a backend recognises a replay of the sending under way. */
  numbered = false
  /** Time spent in holds that are over, milliseconds. */
  heldForMs = 0
  /** How old its answer may be, milliseconds; undefined if it must be what is true now. */
  stalenessLimitMs: number | undefined
  sending: Sending | undefined
  done = false

  constructor({ outlet, outgoing, key = null, harmless = false, keyed }: Submission, owner: JobOwner) {
    this.#owner = owner
    this.#outlet = outlet
    this.outgoing = outgoing
    this.#headersLength = outgoing.headers.length
    this.key = key
    this.keyed = keyed
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

  /** What is said with its answer. */
  get provenance(): Provenance {
    return { backend: this.backend, epoch: this.epoch, replays: this.replays }
  }

  /** Who decides over it. */
  get owner(): JobOwner {
    return this.#owner
  }

  /** Another lane decides from now on. */
  moveTo(owner: JobOwner): void {
    this.#owner = owner
  }

  /** Notes where it goes, and takes off the headers that were for the backend before. */
  address(backend: string, epoch: number): void {
    this.backend = backend
    this.epoch = epoch
    const { headers } = this.outgoing
    if (headers.length > this.#headersLength) headers.length = this.#headersLength
  }

  /** Answers the client with a problem of the balancer's own. */
  giveUp(type: ProblemType): void {
    this.#outlet.problem(this, { type, outcome: outcomeOf(this), key: this.key })
  }

  /**
   * Its answer is never asked for again.
   * @param answerBytes length of its body
   */
  releaseNumber(answerBytes = unseenAnswerBytes): void {
    this.session?.done(this.number, answerBytes)
    this.session = undefined
    this.number = 0
  }

  connected(): void {
    this.sendings += 1
    this.#owner.connected(this)
  }

  hinted(headers: Head['headers']): void {
    this.#outlet.hint?.(headers)
  }

  answered(head: Head, body: Buffer | null): void {
    this.#outlet.answer(this, head, body)
    this.releaseNumber(body?.length ?? 0)
    this.#owner.answered(this, head.status)
    this.#owner.finished(this)
  }

  begun(head: Head): void {
    this.#outlet.begin(this, head)
    // Its client may read for hours.
    this.releaseNumber()
    this.#owner.answered(this, head.status)
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
