/**
 * Sends reads that may be old to standbys, and to the active whatever no standby answers: one that refuses because its state is too old, one
 * that dies or is silent, and when there is none. A shell around `standby-reads.ts`.
 */
import type { Logger } from 'pino'
import { formatReadsHeader, readsHeader, tokenHeader } from '../checkpoint/request-headers.ts'
import type { Time } from '../checkpoint/time.ts'
import { type BreakerLimits, defaultBreakerLimits } from './circuit-breaker.ts'
import { connectionsMax } from './forward.ts'
import { Job, type JobOwner, type Submission } from './job.ts'
import type { Member, Membership } from './membership.ts'
import { Place } from './place.ts'
import { type Failure, mayHaveRun } from './replay.ts'
import { StandbyRotation, stalenessLimitMs } from './standby-reads.ts'

/** What became of a read that was sent to a standby. */
export type StandbyResult = 'answered' | 'refused' | 'failed'

export interface StandbyLaneOptions {
  readonly membership: Membership
  /** Oldest answer that is wanted, milliseconds. */
  readonly limitMs: number
  readonly token: string | undefined
  /** Certificates in which to trust for `https://`; the system's if undefined. */
  readonly backendCa?: string | undefined
  /** How long a standby may be silent to everybody, milliseconds. */
  readonly patienceMs: number
  /** Takes what no standby answered. */
  readonly fallback: (job: Job) => void
  readonly observer: { standbyRead(result: StandbyResult): void }
  readonly log: Logger
  readonly time: Time
}

/** Who refuses or fails once is left alone for a moment: the way round costs a round trip. */
const breaker: BreakerLimits = { ...defaultBreakerLimits, failuresInRow: 1, openTimeMs: 100, openTimeMaxMs: 1_000 }

interface Known {
  readonly place: Place
  readonly member: Member
}

export class StandbyLane implements JobOwner {
  readonly #options: StandbyLaneOptions
  readonly #rotation = new StandbyRotation()
  #known: readonly Known[] = []
  #nowMs = 0
  #closed = false
  readonly #may = ({ place }: Known) => place.takes(this.#nowMs, false)

  constructor(options: StandbyLaneOptions) {
    this.#options = options
    options.membership.onChange(() => this.#follow())
    this.#follow()
  }

  /** Takes a request if it may be answered by a standby; undefined if not. */
  submit(submission: Submission): Job | undefined {
    const { outgoing, keyed } = submission
    const request = {
      method: outgoing.method,
      hasBody: outgoing.body !== null,
      cacheControl: keyed?.headers['cache-control']?.toString(),
    }
    const limitMs = stalenessLimitMs(request, this.#options.limitMs)
    if (limitMs === null) return undefined
    const job = new Job(submission, this)
    job.stalenessLimitMs = limitMs
    this.#send(job, limitMs)
    return job
  }

  abandon(job: Job): void {
    if (job.done) return
    job.sending?.abort()
    job.sentTo?.abandoned(job.term, this.#options.time.now())
    this.finished(job)
  }

  close(): void {
    this.#closed = true
    for (const { place } of this.#known) place.destroy()
  }

  connected(): void {}

  answered(job: Job): void {
    const nowMs = this.#options.time.now()
    job.sentTo!.succeeded(job.term, nowMs - job.sending!.sentAtMs, nowMs)
    this.#options.observer.standbyRead('answered')
  }

  finished(job: Job): void {
    job.done = true
    job.sending = undefined
  }

  failed(job: Job, failure: Failure, error: Error): void {
    const { log, time, observer, fallback } = this.#options
    job.sending = undefined
    job.failures += 1
    if (failure.type !== 'unreachable') job.resendReason = failure.type
    if (mayHaveRun(failure)) job.losses += 1
    if (failure.type === 'malformed') {
      job.sentTo!.abandoned(job.term, time.now())
      this.finished(job)
      return job.giveUp('malformed')
    }
    job.sentTo!.failed(job.term, failure.type === 'not-active' ? 'answer' : 'connection', time.now())
    observer.standbyRead(failure.type === 'not-active' ? 'refused' : 'failed')
    log.debug({ event: 'standby-read', backend: job.backend, error: error.message }, 'asks the active instead')
    fallback(job)
  }

  #send(job: Job, limitMs: number): void {
    const { time, token, fallback } = this.#options
    this.#nowMs = time.now()
    const chosen = this.#closed ? undefined : this.#rotation.choose(this.#known, this.#may)
    if (!chosen) return fallback(job)
    const { place } = chosen
    job.address(place.name, 0)
    const { headers } = job.outgoing
    headers.push(readsHeader, formatReadsHeader(limitMs))
    if (token !== undefined) headers.push(tokenHeader, token)
    job.sentTo = place
    job.term = place.sent(this.#nowMs)
    job.sending = place.pool.prepare(job.outgoing, job, this.#nowMs)
    place.pool.dispatch(job.sending, job.outgoing)
  }

  /** Whoever leads next keeps its place: it may be a standby again. */
  #follow(): void {
    if (this.#closed) return
    const before = new Map(this.#known.map(({ place }) => [place.name, place]))
    this.#known = this.#options.membership.members
      .filter(({ exactlyOnce }) => exactlyOnce)
      .map((member) => {
        const known = before.get(member.name)
        if (!known?.isFor(member)) return { place: this.#newPlace(member), member }
        before.delete(member.name)
        return { place: known, member }
      })
    for (const place of before.values()) place.leave()
  }

  #newPlace(member: Member): Place {
    const { patienceMs, backendCa, log, time } = this.#options
    const quiet = log.child({ lane: 'standbys' })
    const options = {
      patienceMs,
      requestsMax: connectionsMax,
      breaker,
      backendCa,
      log: quiet,
      time,
      freed: () => undefined,
    }
    return new Place(member, options)
  }
}
