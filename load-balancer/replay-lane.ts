/**
 * The replay lane: sends requests to the active, holds them while there is none, and sends them again when it is lost.
 * A shell around the pure cores routing, replay and session, with the shells around gate, holding and silence.
 */
import type { Logger } from 'pino'
import { sessionsPath } from '../checkpoint/request-headers.ts'
import type { Time } from '../checkpoint/time.ts'
import type { Decision, FirstAnswer, Report } from '../heartbeat-receiver/protocol.ts'
import type { BackendConnections, Connect } from './backend-connections.ts'
import { Gatekeeper } from './gatekeeper.ts'
import { HoldQueue, refusedHolds } from './hold-queue.ts'
import type { HoldLimits } from './holding.ts'
import { Introduction } from './introduction.ts'
import { Job, type Submission } from './job.ts'
import type { Lane } from './lane.ts'
import type { Provenance } from './message-headers.ts'
import type { ProblemType } from './problem.ts'
import { afterFailure, type Failure, mayHaveRun, maySend } from './replay.ts'
import { type Change, decided, type Hint, hinted, type Target } from './routing.ts'
import { notSent } from './sending.ts'
import { SessionKeeper } from './session-keeper.ts'
import { SilenceWatch } from './silence-watch.ts'

/** What the lane needs of whoever follows the receivers. */
export interface DecisionFollower {
  decision(shard?: number): Decision | undefined
  on(event: 'decision', listener: (decision: Decision) => void): unknown
  report(report: Omit<Report, 'type'>): void
  /** Tells the receivers of an epoch that was seen elsewhere. */
  seen(epoch: number): void
  /** Tells them of the first good answer of an epoch. */
  firstAnswer(answer: FirstAnswer): void
}

/** What the lane tells the metrics. */
export interface LaneObserver {
  replayed(reason: Failure['type']): void
  /** From the first sign that an active was lost to the first answer of the next, milliseconds. */
  failedOver(tookMs: number): void
}

export interface LaneOptions {
  limits: HoldLimits
  token: string | undefined
  follower: DecisionFollower
  observer: LaneObserver
  log: Logger
  time: Time
  connect: Connect
}

export class ReplayLane implements Lane {
  readonly #options: LaneOptions
  readonly #held: HoldQueue
  readonly #sessions: SessionKeeper
  readonly #introduction: Introduction
  readonly #takesListeners: (() => void)[] = []
  readonly #movedListeners: ((stays: (target: Target) => boolean) => void)[] = []
  readonly #gate: Gatekeeper
  readonly #silence: SilenceWatch
  #target: Target | undefined
  #backend: BackendConnections | undefined
  #closed = false
  #pumping = false
  /** When the first sign came that the target was lost, and whether another was named since. */
  #lost: { atMs: number; moved: boolean } | undefined
  /** The epoch that is followed, until a client has its first good answer. */
  #unservedEpoch: number | undefined

  constructor(options: LaneOptions) {
    this.#options = options
    const { limits, time, token, follower, log } = options
    this.#held = new HoldQueue({ limits, time, expired: (job) => this.#giveUp(job, 'held too long') })
    this.#gate = new Gatekeeper(log, time, () => this.#gateOpened())
    this.#silence = new SilenceWatch(limits.timeMs, time, (error) => this.#report(notSent(error)))
    this.#introduction = new Introduction(token)
    this.#sessions = new SessionKeeper({
      time,
      wanted: () => this.#held.forSession > 0,
      submit: (submission) => this.submit(submission),
      abandon: (job) => this.abandon(job),
      opened: (count) => this.#sessionOpened(count),
      notOpened: (reason) => log.warn({ event: 'session', ...this.#whom(), reason }, 'no session'),
    })
    follower.on('decision', (decision) => this.#follow(decided(this.#target, decision), 'decided'))
    const known = follower.decision()
    if (known) this.#follow(decided(undefined, known), 'decided')
  }

  get target(): Target | undefined {
    return this.#target
  }

  /** Requests held now. */
  get held(): number {
    return this.#held.count
  }

  /** The most that were held at a time since this was asked last. */
  takeHeldPeak(): number {
    return this.#held.takePeak()
  }

  get knowsBackend(): boolean {
    return this.#target !== undefined
  }

  /** True if the target takes what other lanes send. */
  get takes(): boolean {
    return this.#target !== undefined && this.#gate.lets
  }

  /** Where another lane sends its next request. */
  pick(): Target | undefined {
    return this.takes ? this.#target : undefined
  }

  /** Calls `listener` whenever the target may take requests again. */
  onTakes(listener: () => void): void {
    this.#takesListeners.push(listener)
  }

  /** Calls `listener` with each new target that is another backend than before: only that one stays. */
  onMoved(listener: (stays: (target: Target) => boolean) => void): void {
    this.#movedListeners.push(listener)
  }

  left(): void {}

  /** What is said with an answer. */
  provenance(): Provenance {
    return { backend: this.#target?.name ?? 'none', epoch: this.#target?.epoch ?? 0, replays: 0 }
  }

  /** Takes a request that was read; its outlet hears what becomes of it. */
  submit(submission: Submission): Job {
    const job = new Job(submission, this)
    this.#place(job)
    return job
  }

  adopt(job: Job): void {
    job.moveTo(this)
    this.#place(job)
  }

  takeHeld(): Job[] {
    const jobs = this.#held.takeAll()
    for (const job of jobs) {
      // Under another number nobody would recognise it.
      if (job.losses > 0) job.lostUnnumbered = true
      job.releaseNumber()
    }
    return jobs
  }

  /** The client is gone: nobody waits for this answer. */
  abandon(job: Job): void {
    if (job.done) return
    job.sending?.abort()
    this.#held.release(job)
    this.#gate.left(job)
    this.#finish(job)
    this.#pump()
  }

  /** Ends it: what is held or comes later is refused. */
  close(): void {
    this.#closed = true
    for (const job of this.#held.close()) this.#giveUp(job, 'stopping')
    this.#backend?.destroy()
    this.#silence.close()
    this.#gate.reset()
    this.#sessions.close()
  }

  // What a job tells

  connected(job: Job): void {
    if (job.replays > 0 && job.resendReason) this.#options.observer.replayed(job.resendReason)
    if (!this.#gate.awaitsConnection) return
    // A moment later: the connection that took the scout is not free for others yet.
    void Promise.resolve().then(() => this.#gate.awaitsConnection && this.#gate.open(this.#target!))
  }

  answered(job: Job, status: number): void {
    if (!this.#gate.isOpen) this.#gate.open(this.#target!)
    if (this.#lost) this.#recovered(this.#lost)
    if (job.epoch === this.#unservedEpoch) this.#served(job, status)
  }

  finished(job: Job): void {
    this.#finish(job)
    if (this.#held.ready > 0) this.#pump()
  }

  failed(job: Job, failure: Failure, error: Error, hint: Hint | undefined): void {
    job.sending = undefined
    job.failures += 1
    if (failure.type !== 'unreachable') job.resendReason = failure.type
    if (mayHaveRun(failure)) {
      job.losses += 1
      if (!job.numbered) job.lostUnnumbered = true
    }
    if (failure.type === 'lost' || failure.type === 'unreachable') this.#noteLoss()
    if (failure.type === 'session-ended' && job.session) this.#sessions.ended(job.session)
    this.#gate.left(job)
    const verdict = afterFailure(job, failure)
    if (verdict.type === 'give up') {
      this.#giveUp(job, verdict.because)
      return this.#pump()
    }
    if (failure.type === 'session-ended') job.releaseNumber()
    if (verdict.when === 'after pause') {
      job.quickRetries = 0
      this.#targetFailed(failure, error, hint)
    } else {
      job.quickRetries += 1
    }
    this.#place(job)
  }

  // Where requests go

  #follow(change: Change, reason: string): void {
    if (change.type === 'none' || this.#closed) return
    const from = this.#target
    this.#target = change.target
    if (change.target.epoch > (from?.epoch ?? 0)) this.#unservedEpoch = change.target.epoch
    if (change.type === 'moved') this.#move(change.target, from)
    this.#gate.open(change.target)
    if (change.type === 'moved') this.#tellMoved(change.target)
    const { epoch, url, name, incarnation } = change.target
    this.#options.log.info(
      { event: 'routed', epoch, backend: name, incarnation, url, from: from?.name ?? null, to: name, reason },
      `requests go to ${name ?? url}`,
    )
  }

  #move(target: Target, from: Target | undefined): void {
    const old = this.#backend
    this.#backend = this.#options.connect(target, () => this.#pump())
    this.#gate.reset()
    this.#silence.watch(this.#backend)
    this.#held.sessionSettled()
    if (old) {
      this.#noteLoss().moved = true
      const graceMs = this.#options.limits.timeMs
      // Without exactly-once nobody else can be asked what it may have run: its own answer is the only one.
      old.retire(graceMs, from?.exactlyOnce ? 'all' : 'movable')
    }
  }

  /** After what was held is on its way: there may be thousands of streams to cut. */
  #tellMoved(target: Target): void {
    const stays = ({ url }: Target) => url === target.url
    for (const listener of this.#movedListeners) listener(stays)
  }

  #gateOpened(): void {
    this.#pump()
    for (const listener of this.#takesListeners) listener()
  }

  /** The target cannot be reached or does not lead: leave it alone for a pause, unless it pointed elsewhere. */
  #targetFailed(failure: Failure, error: Error, hint: Hint | undefined): void {
    const change: Change = hint ? hinted(this.#target, hint) : { type: 'none' }
    if (hint && change.type !== 'none') {
      this.#options.follower.seen(hint.epoch)
      return this.#follow(change, 'the backend pointed there')
    }
    if (this.#closed || !this.#gate.close(this.#target!, failure, error)) return
    this.#report(failure)
  }

  /** Only a new connection that was refused or timed out is evidence. */
  #report(failure: Failure): void {
    const { epoch, incarnation } = this.#target!
    if (failure.type !== 'unreachable' || failure.kind === 'other' || incarnation === null) return
    this.#options.follower.report({ incarnation, epoch, kind: failure.kind })
  }

  #noteLoss(): { atMs: number; moved: boolean } {
    if (!this.#lost) this.#options.log.debug({ event: 'lost', ...this.#whom() }, 'the active gives no answers')
    this.#lost ??= { atMs: this.#options.time.now(), moved: false }
    return this.#lost
  }

  #recovered(lost: { atMs: number; moved: boolean }): void {
    this.#lost = undefined
    if (!lost.moved) return
    const tookMs = this.#options.time.now() - lost.atMs
    this.#options.observer.failedOver(tookMs)
    const fields = { event: 'failed-over', ...this.#whom(), tookMs: Math.round(tookMs * 10) / 10 }
    this.#options.log.info(fields, `${this.#target?.name ?? this.#target?.url} answers`)
  }

  /** A client has its answer. The balancer's own request for a session is no client's. */
  #served(job: Job, status: number): void {
    const { epoch, sending } = job
    if (status >= 500 || job.outgoing.path === sessionsPath) return
    this.#unservedEpoch = undefined
    // Nobody had an answer before this one: whoever has none yet waited for it, here or at the backend that was not ready.
    const others = this.#backend!.waiting().filter((waiting) => waiting !== sending).length
    const held = this.#held.count + others + Number(job.heldForMs > 0 || job.failures > 0)
    this.#options.follower.firstAnswer({ shard: 0, epoch, atMs: this.#options.time.wall(), held })
  }

  // Holding and sending

  #takes(): boolean {
    return !this.#closed && this.#backend !== undefined && !this.#backend.full && this.#gate.lets
  }

  #place(job: Job): void {
    if (!this.#takes()) return this.#hold(job, 'target')
    // Others wait already, or many are on their way again: in turn, as far as there is room to wait.
    const inTurn = this.#held.ready > 0 || (job.failures > 0 && this.#backend!.crowded)
    if (!inTurn || this.#held.hold(job, 'target') !== 'held') this.#send(job)
    else this.#pump()
  }

  #hold(job: Job, what: 'target' | 'session'): void {
    if (this.#closed) return this.#giveUp(job, 'stopping')
    const admission = this.#held.hold(job, what)
    if (admission !== 'held') this.#giveUp(job, refusedHolds[admission])
  }

  /** Sends what is held, as far as the target takes it. */
  #pump(): void {
    // What fails at once comes back here: the next is the turn of the loop, or thousands would be one in another.
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#held.ready > 0 && this.#takes() && !this.#backend!.crowded) this.#send(this.#held.takeReady()!)
    } finally {
      this.#pumping = false
    }
  }

  #send(job: Job): void {
    const target = this.#target!
    if (!maySend(job, target)) return this.#giveUp(job, 'not replayable')
    const needsNumber = target.exactlyOnce && !job.safe
    if (needsNumber && !job.session && !this.#sessions.number(job)) return this.#awaitSession(job)
    job.numbered = needsNumber
    job.address(target.name ?? 'none', target.epoch)
    if (target.exactlyOnce) this.#introduction.add(job, target)
    this.#gate.went(job)
    const backend = this.#backend!
    job.sending = backend.prepare(job.outgoing, job, this.#options.time.now())
    backend.dispatch(job.sending, job.outgoing)
  }

  /** The headers by which a request that needs no number says what is followed here. */
  plainHeaders(target: Target): [string, string][] {
    return this.#introduction.plain({ ...target, epoch: this.#target?.epoch ?? 0 })
  }

  #giveUp(job: Job, type: ProblemType): void {
    if (job.done) return
    this.#finish(job)
    job.giveUp(type)
  }

  #finish(job: Job): void {
    job.done = true
    job.sending = undefined
    job.releaseNumber()
  }

  // Sessions

  #awaitSession(job: Job): void {
    this.#hold(job, 'session')
    this.#sessions.open()
  }

  #sessionOpened(count: number): void {
    const said = count === 1 ? 'session open' : `session open, one of ${count}: requests wait long in the others`
    this.#options.log.info({ event: 'session', ...this.#whom(), sessions: count }, said)
    this.#held.sessionSettled()
    this.#pump()
  }

  #whom(): { epoch: number | undefined; backend: string | null | undefined } {
    return { epoch: this.#target?.epoch, backend: this.#target?.name }
  }
}
