/**
 * The receiver's core: what is heard goes in, what is to be done comes out, in order. A pure state machine with no clock, socket, random
 * source or log; `receiver-node.ts` is the shell. Times are monotonic and in Unix milliseconds (`performance.timeOrigin + performance.now()`).
 *
 * A receiver leads (it was `authorized`) or follows (it tells the decisions that it reads). One that leads decides and grants leases only
 * while its authority lasts. A decision goes: evidence → judged → no other backend can hold a lease → `lead` to the named backend, `decided`
 * to the followers and `record`, all at once. That may run ahead of the journal by one decision at most, because the claim fences and a lease
 * is granted only once the decision is durable. It never names an epoch that was seen anywhere before, and names a backend by its incarnation.
 */

import { type Sighting, sightBackend, viewBackend } from './backend-view.ts'
import type { BoardShard } from './dashboard/board.ts'
import { DecisionBook, epochMax } from './decision-book.ts'
import { Drains } from './drains.ts'
import { highestReign, holdsReign } from './election.ts'
import { type Effect, type Input, type RecordedDecision, tickMs } from './events.ts'
import { isDraining, type KnownBackend, setBack } from './known-backend.ts'
import { inheritedLeaseMs, LeaseLedger, leaseMsAt } from './lease-ledger.ts'
import { Losses } from './losses.ts'
import { MemberList } from './member-list.ts'
import { chooseSuccessor, type HandoverContext, PlannedHandover } from './planned-handover.ts'
import type { BackendView, Decision, Goodbye, Heartbeat, Hello, Member, Refuse, Report } from './protocol.ts'
import { closeCodes, type LeaseGrant, protocolVersion } from './protocol.ts'
import { Roster } from './roster.ts'
import { chooseNext } from './succession.ts'
import { follow, type InForce, judge, judgeRenewal, reportGapMs, type Verdict } from './verdict.ts'

/** How long the active of a decision from before may take to join a receiver that has just started: its client tries every second at least. */
export const rejoinMs = 2_000
/** A balancer's report that a backend is unreachable counts against naming it for so long, milliseconds. */
const reportMemoryMs = 5_000
/** Who is answered of a handover that nobody has asked for. */
const nobody = 0
/** What makes this receiver the one that decides. */
interface Leadership {
  readonly sinceMs: number
  /** It decides and grants only before this. */
  authorityUntilMs: number
}

export interface ReceiverOptions {
  readonly shard: number
  /** The configured heartbeat interval, milliseconds. */
  readonly heartbeatMs: number
}

export class Receiver {
  readonly #shard: number
  readonly #roster: Roster
  readonly #members = new MemberList()
  #effects: Effect[] = []
  readonly #leaseMs: number
  readonly #leases = new LeaseLedger()
  readonly #losses = new Losses((effect) => this.#effects.push(effect))
  readonly #book: DecisionBook
  readonly #handover: PlannedHandover
  readonly #drains: Drains
  #leadership: Leadership | null = null
  #tickedAtMs: number | null = null

  constructor({ shard, heartbeatMs }: ReceiverOptions) {
    const emit = (effect: Effect) => this.#effects.push(effect)
    this.#shard = shard
    this.#leaseMs = leaseMsAt(heartbeatMs)
    this.#book = new DecisionBook(shard, emit)
    this.#handover = new PlannedHandover(shard, emit)
    this.#drains = new Drains(emit)
    this.#roster = new Roster({
      heartbeatMs,
      emit,
      touch: (name) => this.#members.touch(name),
      died: (incarnation) => this.#leases.died(incarnation),
    })
  }

  /** Takes one input; returns what must be done, in this order. */
  step(input: Input, nowMs: number): readonly Effect[] {
    this.#effects = []
    this.#take(input, nowMs)
    this.#takeLosses(nowMs)
    this.#book.recordAgain(nowMs)
    if (this.#handover.underWay) this.#handover.review(this.#handoverContext(nowMs))
    if (input.type === 'tick') this.#relieve(nowMs)
    this.#decide(nowMs)
    if (input.type === 'tick') this.#remind(nowMs)
    this.#tellMembers(input, nowMs)
    if (this.#drains.underWay) this.#drains.review(this.#handoverContext(nowMs))
    return this.#effects
  }

  /** The decisions in force. */
  get decisions(): readonly Decision[] {
    const { inForce } = this.#book
    return inForce ? [inForce.decision] : []
  }

  /** The decision whose backend can be dialled: in force, and its backend not judged gone. */
  get serving(): Decision | null {
    const decision = this.#book.inForce?.decision
    if (!decision) return null
    const named = this.#named()
    return named && named.liveness.state !== 'gone' ? decision : null
  }

  /** What the followers were told of the members. Lives on: it may be read while it changes. */
  get members(): Iterable<Member> {
    return this.#members.told
  }

  /** False while backends of a receiver before may yet join this one: what the followers know of them is not to be thrown away. */
  get membersWhole(): boolean {
    return this.#members.whole
  }

  /** True while this receiver leads: it decides whenever its authority holds. */
  get authorized(): boolean {
    return this.#leadership !== null
  }

  views(nowMs: number): BackendView[] {
    return this.#roster.all().map((backend) => viewBackend(backend, this.#book.inForce, nowMs))
  }

  /** The backends for the board. */
  sightings(nowMs: number): Sighting[] {
    return this.#roster.all().map((backend) => sightBackend(backend, this.#book.inForce, nowMs))
  }

  /** The shards for the board: empty until something is decided. */
  get shards(): BoardShard[] {
    const { inForce } = this.#book
    if (!inForce) return []
    const { shard, epoch } = inForce.decision
    return [{ shard, epoch, active: this.serving?.name ?? null, sinceMs: inForce.readySinceMs }]
  }

  /** How many heartbeats the backend of this name has sent, in its present incarnation. */
  heartbeatsOf(name: string): number {
    return this.#roster.named(name)?.heartbeats ?? 0
  }

  #take(input: Input, nowMs: number): void {
    switch (input.type) {
      case 'hello':
        return this.#hello(input.connection, input.hello, nowMs)
      case 'heartbeat':
        return this.#heartbeat(input.connection, input.heartbeat, nowMs)
      case 'refuse':
        return this.#refuse(input.connection, input.refuse)
      case 'goodbye':
        return this.#goodbye(input.connection, input.goodbye, nowMs)
      case 'closed':
        return this.#roster.closed(input.connection, nowMs)
      case 'seen':
        this.#book.see(input.epoch)
        return
      case 'report':
        return this.#report(input.by, input.report, nowMs)
      case 'probed':
        return this.#roster.probed(input.incarnation, input.outcome, nowMs)
      case 'authorized':
        return this.#authorize(input.decisions, input.leasesUntilMs, nowMs)
      case 'authority':
        if (this.#leadership) this.#leadership.authorityUntilMs = input.untilMs
        return
      case 'deauthorized':
        return this.#deauthorize(nowMs)
      case 'followed':
        return this.#followDecisions(input.decisions, nowMs)
      case 'recorded':
        return this.#recorded(input.epoch, nowMs)
      case 'record-failed':
        return this.#book.recordFailed(input.epoch, nowMs)
      case 'yielded':
        return this.#yielded(input.connection, input.epoch)
      case 'hand-over':
        return this.#handover.ask(input.follower, input.request, this.#handoverContext(nowMs))
      case 'drain':
        return this.#drains.ask(input.asker, input.name, input.draining, this.#handoverContext(nowMs))
      case 'tick':
        return this.#tick(nowMs)
    }
  }

  #hello(connection: number, hello: Hello, nowMs: number): void {
    const backend = this.#roster.join(connection, hello, nowMs)
    if (!backend) return
    this.#welcome(backend)
    // Of one that is heard for the first time: whoever only connects anew has come no nearer to leading.
    if (this.#book.inForce && this.#book.isNamed(backend) && !backend.status) this.#book.inForce.progressAtMs = nowMs
  }

  #welcome({ connection, intervalMs: heartbeatIntervalMs }: KnownBackend): void {
    const { epoch } = this.#book
    this.#send(connection!, { type: 'welcome', version: protocolVersion, heartbeatIntervalMs, epoch })
  }

  #heartbeat(connection: number, heartbeat: Heartbeat, nowMs: number): void {
    const backend = this.#roster.connected(connection)
    if (!backend) return
    if (!this.#book.see(heartbeat.reign[0]) || !this.#book.see(heartbeat.journalReign[0])) {
      const reason = `no epoch is above ${epochMax}`
      this.#effects.push({ type: 'close', connection, code: closeCodes.policy, reason })
      return
    }
    const before = this.#roster.heard(backend, heartbeat, nowMs, this.#stalledMs(nowMs))
    const { inForce, epoch } = this.#book
    const named = inForce !== null && this.#book.isNamed(backend)
    const becameReady = named && follow(inForce, backend, nowMs, before?.offset ?? -1)
    this.#noteLeases(backend, heartbeat)
    const lease = named ? this.#grant(inForce, backend, nowMs) : undefined
    this.#send(connection, { type: 'ack', sequence: heartbeat.sequence, epoch, ...(lease && { lease }) })
    if (becameReady) this.#ready(inForce, nowMs)
  }

  #ready({ decision, failover, detectedAtMs, own }: InForce, nowMs: number): void {
    const { name, incarnation, epoch } = decision
    const event = { type: 'ready' as const, atMs: nowMs, name, incarnation, epoch }
    this.#effects.push({ type: 'publish', event, ...(own ? {} : { quiet: true as const }) })
    if (own && failover) this.#effects.push({ type: 'failed-over', epoch, tookMs: nowMs - detectedAtMs })
  }

  /** What a backend's own word says of the leases that it may hold: it has none in a phase in which it does not serve. */
  #noteLeases({ hello: { incarnation } }: KnownBackend, { phase, reign, journalReign }: Heartbeat): void {
    if (phase === 'standby' || phase === 'starting' || phase === 'stopping') this.#leases.release(incarnation)
    this.#leases.saw(incarnation, Math.max(reign[0], journalReign[0]))
  }

  /**
   * A lease goes only to the incarnation that a durable decision of this very leadership names, that serves under its epoch, is not suspected
   * and is to stay: what a predecessor decided may have been overtaken by what it said early.
   */
  #grant(inForce: InForce, backend: KnownBackend, nowMs: number): LeaseGrant | undefined {
    const { decision, own, durable, takesLeases } = inForce
    if (!this.#mayDecide(nowMs) || !own || !durable || !takesLeases) return undefined
    const { status, liveness } = backend
    if (liveness.state !== 'alive' || status?.reign[0] !== decision.epoch) return undefined
    if (status.phase !== 'active' && status.phase !== 'settling') return undefined
    if (!judge(inForce, backend, this.#book.epochSeen, nowMs).stays) return undefined
    this.#leases.grant(decision.incarnation, nowMs + this.#leaseMs, nowMs)
    return { epoch: decision.epoch, forMs: this.#leaseMs }
  }

  #refuse(connection: number, { epoch, reason }: Refuse): void {
    const backend = this.#roster.connected(connection)
    if (backend) backend.refusal = { epoch, reason }
  }

  #goodbye(connection: number, goodbye: Goodbye, nowMs: number): void {
    const backend = this.#roster.connected(connection)
    if (backend) this.#roster.goodbye(backend, goodbye, nowMs)
  }

  #report(by: string, { incarnation, epoch, kind }: Report, nowMs: number): void {
    const backend = this.#roster.incarnation(incarnation)
    if (!backend || epoch < this.#book.epoch) return // of a reign that is over
    const { reported } = backend
    const continues = reported !== null && nowMs - reported.lastMs <= reportGapMs
    backend.reported = { by, sinceMs: continues ? reported.sinceMs : nowMs, lastMs: nowMs }
    const reason = `balancer ${by} says a connection ${kind === 'refused' ? 'was refused' : 'timed out'}`
    this.#roster.suspect(backend, 'reported', reason, nowMs)
  }

  #authorize(decisions: readonly RecordedDecision[], leasesUntilMs: number | undefined, nowMs: number): void {
    this.#leadership = { sinceMs: nowMs, authorityUntilMs: Number.NEGATIVE_INFINITY }
    const decision = decisions.find(({ shard }) => shard === this.#shard)
    const incarnation = decision?.incarnation ?? null
    const epoch = decision?.epoch ?? 0
    const leaseMs = inheritedLeaseMs(decision, this.#leaseMs)
    this.#leases.inherit(leasesUntilMs === undefined ? null : { incarnation, epoch, leaseMs, untilMs: leasesUntilMs })
    if (decision) this.#roster.expect(decision, nowMs, rejoinMs)
    this.#book.begin(decision, nowMs)
    const liveness = this.#named()?.liveness
    if (liveness?.state === 'alive') this.#losses.leaveToOthers(null, nowMs) // it was lost to this receiver alone, for a while
    if (decision && liveness?.state === 'gone' && liveness.proven) this.#leases.died(decision.incarnation)
  }

  /** It leads no longer: it keeps on hearing, and tells what it reads. */
  #deauthorize(nowMs: number): void {
    if (!this.#leadership) return
    this.#leadership = null
    this.#losses.leaveToOthers(null, nowMs)
    this.#handover.abandon(this.#book.inForce, nowMs)
    this.#book.end()
  }

  /** Another receiver's decisions, as they stand in the journal. */
  #followDecisions(decisions: readonly RecordedDecision[], nowMs: number): void {
    const decision = decisions.find(({ shard }) => shard === this.#shard)
    if (!decision || this.#leadership) return
    const alive = this.#named()?.liveness.state === 'alive' // if it was lost, then to this receiver alone, for a while
    if (!this.#book.follow(decision, nowMs)) return
    this.#losses.leaveToOthers(alive ? null : decision, nowMs)
    const [inForce, named] = [this.#book.inForce!, this.#named()]
    if (named && follow(inForce, named, nowMs, -1)) this.#ready(inForce, nowMs) // its heartbeat was quicker than the journal
  }

  #tick(nowMs: number): void {
    const stalledMs = this.#stalledMs(nowMs)
    this.#tickedAtMs = nowMs
    this.#roster.tick(nowMs, stalledMs)
    const { inForce } = this.#book
    this.#roster.setIntervals(inForce?.decision.incarnation, (backend) => this.#welcome(backend), nowMs)
  }

  /** For how long a tick is overdue; below 0 if none is. */
  #stalledMs(nowMs: number): number {
    return nowMs - (this.#tickedAtMs ?? nowMs) - tickMs
  }

  /** `lead` is said again until a heartbeat shows that it arrived. */
  #remind(nowMs: number): void {
    const { inForce } = this.#book
    const named = this.#named()
    if (!this.#leadership || !inForce || inForce.taken || !named) return
    if (nowMs - inForce.leadSentAtMs >= named.intervalMs) this.#book.lead(inForce, named, nowMs)
  }

  #tellMembers(input: Input, nowMs: number): void {
    const changes = this.#members.review((name) => this.#roster.named(name))
    if (changes) this.#effects.push({ type: 'members-changed', ...changes })
    if (input.type !== 'tick') return
    const later = this.#members.tick(nowMs)
    if (later) this.#effects.push({ type: 'members-changed', ...later })
    if (this.#members.becomesWhole(nowMs)) this.#effects.push({ type: 'members-whole' })
  }

  #mayDecide(nowMs: number): boolean {
    return this.#leadership !== null && nowMs < this.#leadership.authorityUntilMs
  }

  /** Starts a decision if one is needed, somebody can be named, and no other backend can hold a lease. */
  #decide(nowMs: number): void {
    if (!this.#mayDecide(nowMs) || this.#book.busy) return
    const verdict = this.#verdict(nowMs)
    if (verdict.stays) {
      this.#losses.settle(this.#book.inForce?.decision ?? null, false, nowMs)
      return
    }
    if (verdict.kind === 'failed') this.#setBack(nowMs)
    const chosen = this.#choose(verdict, nowMs)
    if (!chosen) {
      if (verdict.kind === 'over' || verdict.kind === 'failed' || verdict.kind === 'outnumbered')
        this.#losses.vacate({ ...verdict, epoch: this.#book.epoch }, this.#roster.all(), nowMs)
      return
    }
    if (nowMs < this.#leases.freeAtMs(chosen.hello.incarnation)) return
    if (verdict.kind === 'worse') this.#setBack(nowMs)
    this.#name(chosen, verdict, nowMs)
  }

  #choose(verdict: Verdict & { stays: false }, nowMs: number): KnownBackend | undefined {
    if (verdict.kind === 'planned') return this.#roster.incarnation(this.#handover.wanted?.incarnation ?? '')
    return chooseNext(verdict, this.#roster.all(), this.#named(), { nowMs, reportMemoryMs })
  }

  #name(backend: KnownBackend, verdict: Verdict & { stays: false }, nowMs: number): void {
    const detectedAtMs = this.#losses.vacantSinceMs ?? verdict.detectedAtMs
    const leaseMs = this.#leases.longestMs(this.#leaseMs, nowMs)
    const { epoch, early } = this.#book.name(backend, { ...verdict, detectedAtMs }, leaseMs, nowMs)
    if (verdict.kind === 'planned') this.#handover.named(epoch)
    if (early) this.#losses.settle(this.#book.inForce!.decision, true, nowMs)
  }

  #recorded(epoch: number, nowMs: number): void {
    if (!this.#book.recorded(epoch, (name) => this.#roster.named(name), nowMs)) return
    this.#losses.settle(this.#book.inForce!.decision, true, nowMs)
  }

  /** Once for each reign: the named backend is not the first to be named again. */
  #setBack(nowMs: number): void {
    const named = this.#named()
    const { inForce } = this.#book
    if (!named || !inForce || inForce.setBack) return
    inForce.setBack = true
    setBack(named, nowMs)
  }

  #verdict(nowMs: number): Verdict {
    const { inForce } = this.#book
    if (inForce) return this.#verdictOn(inForce, nowMs)
    const backends = this.#roster.all()
    const highest = highestReign(backends)
    const somebodyLed = highest[0] > 0 && !backends.some((backend) => holdsReign(backend, highest))
    // The decisions were lost, and the journal shows a reign: whoever holds it is likely to join, and is kept.
    if (somebodyLed && nowMs - this.#leadership!.sinceMs < rejoinMs) return { stays: true }
    return { stays: false, kind: 'over', reason: 'no active was decided yet', detectedAtMs: nowMs }
  }

  #verdictOn(inForce: InForce, nowMs: number): Verdict {
    const named = this.#roster.named(inForce.decision.name)
    const verdict = judge(inForce, named, this.#book.epochSeen, nowMs)
    if (!verdict.stays) return verdict
    const { wanted } = this.#handover
    if (!wanted) return judgeRenewal(inForce, named, nowMs) ?? verdict
    const reason = `${inForce.decision.name} hands over, as planned`
    return { stays: false, kind: 'planned', reason, detectedAtMs: wanted.askedAtMs }
  }

  /** Whoever leads tells of the crashes; one that follows remembers the active's, as it may be the next that leads. */
  #takeLosses(nowMs: number): void {
    for (const loss of this.#roster.takeLosses()) {
      const ofActive = loss.incarnation === this.#book.inForce?.decision.incarnation
      if (ofActive || this.#leadership) this.#losses.take(loss, ofActive, this.serving, nowMs)
      else this.#losses.takeQuietly(loss, this.serving, nowMs)
    }
  }

  #yielded(connection: number, epoch: number): void {
    const incarnation = this.#roster.connected(connection)?.hello.incarnation
    if (incarnation !== undefined && this.#handover.isYieldedBy(incarnation, epoch)) this.#leases.release(incarnation)
  }

  /** An active that drains hands over, as soon as somebody can take over. */
  #relieve(nowMs: number): void {
    const active = this.#named()
    const { inForce, busy } = this.#book
    if (!active || !isDraining(active) || !this.#leadership || busy || this.#handover.underWay) return
    if (!inForce?.takesLeases || inForce.readySinceMs === null) return
    const context = this.#handoverContext(nowMs)
    const request = { type: 'hand-over', shard: this.#shard } as const
    if (!('failure' in chooseSuccessor(request, active, context.backends, context.rules)))
      this.#handover.ask(nobody, request, context)
  }

  #handoverContext(nowMs: number): HandoverContext {
    const { inForce, busy } = this.#book
    return {
      ...{ leads: this.#leadership !== null, busy, inForce },
      ...{ active: this.#named(), backends: this.#roster.all(), rules: { nowMs, reportMemoryMs } },
    }
  }

  /** The backend that the decision in force names, if this very incarnation is known. */
  #named(): KnownBackend | undefined {
    const decision = this.#book.inForce?.decision
    const backend = decision && this.#roster.named(decision.name)
    return backend?.hello.incarnation === decision?.incarnation ? backend : undefined
  }

  #send(connection: number, message: Extract<Effect, { type: 'send' }>['message']): void {
    this.#effects.push({ type: 'send', connection, message })
  }
}
