/**
 * The lane of services without state: sends each request to one of the members, by a strategy, and tries another where that may be done.
 * A shell around the pure cores in `strategies/`, `replay.ts` and `retry-budget.ts`, with the shells around breakers and holding.
 */
import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import type { Time } from '../checkpoint/time.ts'
import { type BreakerLimits, tellsOfFailure } from './circuit-breaker.ts'
import { HoldQueue, refusedHolds } from './hold-queue.ts'
import type { HoldLimits } from './holding.ts'
import { Job, type Submission } from './job.ts'
import type { Lane } from './lane.ts'
import type { Member, Membership } from './membership.ts'
import type { Provenance } from './message-headers.ts'
import { Place } from './place.ts'
import type { ProblemType } from './problem.ts'
import { afterFailure, type Failure, mayHaveRun, maySend } from './replay.ts'
import type { LaneObserver } from './replay-lane.ts'
import { type KeyedRequest, type KeySource, parseKeySource, requestKey } from './request-key.ts'
import { RetryBudget, type RetryLimits } from './retry-budget.ts'
import type { Target } from './routing.ts'
import type { StrategySettings } from './strategies/config.ts'
import { createStrategy, type Strategy } from './strategies/strategy.ts'

export interface BalancedLaneOptions {
  membership: Membership
  settings: StrategySettings
  limits: HoldLimits
  /** Most requests in flight at one member. */
  requestsMax: number
  breaker: BreakerLimits
  /** Certificates in which to trust for `https://`; the system's if undefined. */
  backendCa?: string | undefined
  retries: RetryLimits
  observer: Pick<LaneObserver, 'replayed'>
  log: Logger
  time: Time
  /** Numbers from 0 to below 1. */
  random: () => number
}

/** What is held is tried again so often: a breaker opens by time alone. Milliseconds. */
const wakeMs = 25

const nowhere: Provenance = { backend: 'none', epoch: 0, replays: 0 }
const notHeaded: KeyedRequest = { headers: {}, url: '', address: '' }

export class BalancedLane implements Lane {
  readonly #options: BalancedLaneOptions
  readonly #held: HoldQueue
  readonly #budget: RetryBudget
  readonly #places = new Map<string, Place>()
  readonly #takesListeners: (() => void)[] = []
  readonly #movedListeners: ((stays: (target: Target) => boolean) => void)[] = []
  #members: readonly Place[] = []
  #strategy: Strategy
  #keySource: KeySource | undefined
  /** Ends the wait after which held requests are tried again, if they wait. */
  #cancelWake: (() => void) | undefined
  /** Until then a stream may wait that found no member, milliseconds. */
  #streamWaitsUntilMs = 0
  #closed = false
  #pumping = false
  // What a choice goes by. One object for all of them: there are thousands a second.
  #tried: ReadonlySet<Place> | undefined
  #lastResort = false
  readonly #choice

  constructor(options: BalancedLaneOptions) {
    this.#options = options
    const { limits, time, membership, random } = options
    this.#held = new HoldQueue({ limits, time, expired: (job) => this.#giveUp(job, 'held too long') })
    this.#budget = new RetryBudget(options.retries)
    this.#choice = {
      members: this.#members,
      may: (place: Place) => !this.#tried?.has(place) && place.takes(this.#choice.nowMs, this.#lastResort),
      key: null as string | null,
      nowMs: 0,
      random,
    }
    this.#strategy = createStrategy(options.settings)
    this.#keySource = keySourceOf(options.settings)
    membership.onChange(() => this.#follow())
    this.#follow()
  }

  get held(): number {
    return this.#held.count
  }

  /** The most that were held at a time since this was asked last. */
  takeHeldPeak(): number {
    return this.#held.takePeak()
  }

  get knowsBackend(): boolean {
    return this.#members.length > 0
  }

  get takes(): boolean {
    const nowMs = this.#options.time.now()
    if (this.#members.some((place) => place.takes(nowMs, false))) return true
    return (
      !this.#members.some((place) => place.isWell(nowMs)) && this.#members.some((place) => place.takes(nowMs, true))
    )
  }

  /** Goes by another strategy from now on. */
  use(settings: StrategySettings): void {
    this.#strategy = createStrategy(settings)
    this.#keySource = keySourceOf(settings)
  }

  pick(request: IncomingMessage): Target | undefined {
    const { headers, url = '', socket } = request
    const place = this.#choose(this.#keyOf({ headers, url, address: socket.remoteAddress ?? '' }), undefined)
    if (!place) {
      this.#streamWaitsUntilMs = this.#choice.nowMs + this.#options.limits.timeMs
      this.#watch()
    }
    place?.streamBegan()
    return place?.target
  }

  left(target: Target): void {
    const place = this.#placeOf(target)
    if (place?.target === target) place.streamEnded()
  }

  onTakes(listener: () => void): void {
    this.#takesListeners.push(listener)
  }

  onMoved(listener: (stays: (target: Target) => boolean) => void): void {
    this.#movedListeners.push(listener)
  }

  /** A member is somebody else's server: it is told nothing of ours. */
  plainHeaders(): [string, string][] {
    return []
  }

  provenance(): Provenance {
    return nowhere
  }

  submit(submission: Submission): Job {
    const job = new Job(submission, this)
    this.#budget.requested(this.#options.time.now())
    this.#place(job)
    return job
  }

  adopt(job: Job): void {
    job.moveTo(this)
    this.#place(job)
  }

  takeHeld(): Job[] {
    return this.#held.takeAll()
  }

  abandon(job: Job): void {
    if (job.done) return
    job.sending?.abort()
    job.sentTo?.abandoned(job.term, this.#options.time.now())
    this.#held.release(job)
    this.#finish(job)
    this.#pump()
  }

  close(): void {
    this.#closed = true
    this.#cancelWake?.()
    for (const job of this.#held.close()) this.#giveUp(job, 'stopping')
    for (const place of this.#members) place.destroy()
  }

  // What a job tells

  connected(job: Job): void {
    if (job.replays > 0 && job.resendReason) this.#options.observer.replayed(job.resendReason)
  }

  answered(job: Job, status: number): void {
    const nowMs = this.#options.time.now()
    if (tellsOfFailure(status)) job.sentTo!.failed(job.term, 'answer', nowMs)
    else job.sentTo!.succeeded(job.term, nowMs - job.sending!.sentAtMs, nowMs)
  }

  finished(job: Job): void {
    this.#finish(job)
    if (this.#held.ready > 0) this.#pump()
  }

  failed(job: Job, failure: Failure, error: Error): void {
    const place = job.sentTo!
    const nowMs = this.#options.time.now()
    job.sending = undefined
    job.failures += 1
    if (failure.type !== 'unreachable') job.resendReason = failure.type
    if (mayHaveRun(failure)) {
      job.losses += 1
      job.lostUnnumbered = true
    }
    const moves = failure.type === 'deposed' // the member left, and failed nothing
    if (moves || failure.type === 'malformed') place.abandoned(job.term, nowMs)
    else place.failed(job.term, 'connection', nowMs)
    const verdict = afterFailure(job, failure)
    if (verdict.type === 'give up') this.#giveUp(job, verdict.because)
    else if (!moves && failure.type !== 'unreachable' && !this.#budget.take(nowMs))
      this.#giveUp(job, 'retried too often')
    else this.#tryAnother(job, place, error)
    this.#pump()
  }

  #tryAnother(job: Job, place: Place, error: Error): void {
    this.#options.log.debug({ event: 'retry', backend: place.name, error: error.message }, 'tries another backend')
    job.tried ??= new Set()
    job.tried.add(place)
    if (this.#closed || this.#members.some((member) => !job.tried!.has(member))) return this.#place(job)
    // All were tried: in a moment from the beginning.
    this.#hold(job)
  }

  // Members

  #follow(): void {
    if (this.#closed) return
    const before = this.#members
    const members = this.#options.membership.members.map((member) => this.#placeFor(member))
    // Strategies prepare themselves anew for another array.
    if (members.length === before.length && members.every((place, index) => place === before[index])) return
    this.#members = members
    this.#choice.members = members
    const staying = new Set(members)
    const left = before.filter((place) => !staying.has(place))
    for (const place of left) this.#leave(place)
    if (left.length > 0) this.#tellMoved()
    this.#pump()
    for (const listener of this.#takesListeners) listener()
  }

  /** The place that is there, or a new one if anything but the member's lag is new. */
  #placeFor(member: Member): Place {
    const known = this.#places.get(member.name)
    if (known?.isFor(member)) return known
    const { limits, requestsMax, breaker, backendCa, log, time } = this.#options
    const options = { patienceMs: limits.timeMs, requestsMax, breaker, backendCa, log, time, freed: () => this.#pump() }
    const place = new Place(member, options)
    this.#places.set(member.name, place)
    const { name, url, weight } = member
    log.info({ event: 'member', backend: name, url, weight, from: 'out', to: 'in' }, `${name} is a member`)
    return place
  }

  #leave(place: Place): void {
    const { name, url } = place.member
    if (this.#places.get(name) === place) {
      this.#places.delete(name)
      this.#options.log.info(
        { event: 'member', backend: name, url, from: 'in', to: 'out' },
        `${name} is no member any more`,
      )
    }
    place.leave()
  }

  #tellMoved(): void {
    const stays = (target: Target) => this.#placeOf(target)?.target === target
    for (const listener of this.#movedListeners) listener(stays)
  }

  #placeOf({ name }: Target): Place | undefined {
    return name === null ? undefined : this.#places.get(name)
  }

  // Choosing, holding and sending

  #choose(key: string | null, tried: ReadonlySet<Place> | undefined): Place | undefined {
    const choice = this.#choice
    choice.nowMs = this.#options.time.now()
    choice.key = key
    this.#tried = tried
    this.#lastResort = false
    const place = this.#strategy.choose(choice)
    if (place) return place
    // Those that are well and full have room soon.
    if (this.#members.some((member) => !tried?.has(member) && member.isWell(choice.nowMs))) return undefined
    this.#lastResort = true
    return this.#strategy.choose(choice)
  }

  #keyOf(request: KeyedRequest): string | null {
    return this.#keySource ? requestKey(this.#keySource, request) : null
  }

  #place(job: Job): void {
    // Others wait already: in turn, as far as there is room to wait.
    if (this.#closed || (this.#held.ready > 0 && !job.tried)) return this.#hold(job)
    if (!this.#send(job)) this.#hold(job)
  }

  /** False if no member takes it now. */
  #send(job: Job): boolean {
    const place = this.#choose(this.#keyOf(job.keyed ?? notHeaded), job.tried)
    if (!place) return false
    if (!maySend(job, place.target)) {
      this.#giveUp(job, 'not replayable')
      return true
    }
    const nowMs = this.#choice.nowMs
    job.address(place.name, 0)
    job.sentTo = place
    job.term = place.sent(nowMs)
    job.sending = place.pool.prepare(job.outgoing, job, nowMs)
    place.pool.dispatch(job.sending, job.outgoing)
    return true
  }

  #hold(job: Job): void {
    if (this.#closed) return this.#giveUp(job, 'stopping')
    job.tried = undefined
    const admission = this.#held.hold(job, 'target')
    if (admission !== 'held') return this.#giveUp(job, refusedHolds[admission])
    this.#watch()
  }

  #watch(): void {
    this.#cancelWake ??= this.#options.time.after(wakeMs, () => {
      this.#cancelWake = undefined
      this.#pump()
      this.#wakeStreams()
    })
  }

  /** Streams are not counted here: as long as one may wait, it is looked whether it can go. */
  #wakeStreams(): void {
    if (this.#closed || this.#options.time.now() >= this.#streamWaitsUntilMs) return
    if (!this.takes) return this.#watch()
    this.#streamWaitsUntilMs = 0
    for (const listener of this.#takesListeners) listener()
  }

  /** Sends what is held, as far as somebody takes it. */
  #pump(): void {
    // What fails at once comes back here: the next is the turn of the loop, or thousands would be one in another.
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#held.ready > 0 && this.takes) {
        const job = this.#held.takeReady()!
        if (!this.#send(job)) return this.#hold(job)
      }
    } finally {
      this.#pumping = false
    }
    if (this.#held.ready > 0) this.#watch()
  }

  #giveUp(job: Job, type: ProblemType): void {
    if (job.done) return
    this.#finish(job)
    job.giveUp(type)
  }

  #finish(job: Job): void {
    job.done = true
    job.sending = undefined
  }
}

function keySourceOf({ strategy, hashKey }: StrategySettings): KeySource | undefined {
  return strategy === 'consistent-hash' ? parseKeySource(hashKey) : undefined
}
