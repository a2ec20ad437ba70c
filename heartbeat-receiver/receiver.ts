/**
 * The receiver's core: what is heard goes in, what is to be done comes out, in order. A pure state machine with no clock, socket, random
 * source or log; `service.ts` is the shell. Times are monotonic and in Unix milliseconds (`performance.timeOrigin + performance.now()`).
 *
 * A decision goes: evidence → judged → `record` (durable) → `lead` to the named backend and `decided` to the followers. It never names an
 * epoch that was seen anywhere before, and a backend is named by its incarnation. One decision is under way at a time.
 */

import { viewBackend } from './backend-view.ts'
import { highestReign, holdsReign } from './election.ts'
import { type Effect, type Input, type RecordedDecision, tickMs } from './events.ts'
import { type KnownBackend, setBack } from './known-backend.ts'
import { MemberList } from './member-list.ts'
import type { BackendView, Decision, Goodbye, Heartbeat, Hello, Member, Refuse, Report } from './protocol.ts'
import { closeCodes, protocolVersion } from './protocol.ts'
import { type Loss, Roster } from './roster.ts'
import { chooseNext } from './succession.ts'
import { follow, type InForce, judge, type Verdict } from './verdict.ts'

/** How long the active of a decision from before may take to join a receiver that has just started: its client tries every second at least. */
export const rejoinMs = 2_000
/** A balancer's report that a backend is unreachable counts against naming it for so long, milliseconds. */
const reportMemoryMs = 5_000
/** Reports further apart than this do not belong together, milliseconds. */
const reportGapMs = 2_000
/** After a decision could not be recorded the next try waits so long, milliseconds. */
const recordPauseMs = 100
/** No epoch is as high as this; one more must always be a safe integer. */
export const epochMax = 2 ** 52

type Naming = {
  readonly decision: RecordedDecision
  readonly previous: string | null
  readonly reason: string
  readonly detectedAtMs: number
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
  #inForce: InForce | null = null
  #record: Naming | null = null
  #recordAfterMs = 0
  #authorizedAtMs: number | null = null
  #epochSeen = 0
  #tickedAtMs: number | null = null
  /** Set while a decision is needed and nobody can be named; said once. */
  #vacancy: { readonly detectedAtMs: number } | null = null
  /** The crash of the active, until it is decided who comes after it. */
  #untold: Loss | null = null

  constructor({ shard, heartbeatMs }: ReceiverOptions) {
    this.#shard = shard
    this.#roster = new Roster({
      heartbeatMs,
      emit: (effect) => this.#effects.push(effect),
      touch: (name) => this.#members.touch(name),
    })
  }

  /** Takes one input; returns what must be done, in this order. */
  step(input: Input, nowMs: number): readonly Effect[] {
    this.#effects = []
    this.#take(input, nowMs)
    this.#takeLosses(nowMs)
    this.#decide(nowMs)
    this.#tellMembers(input, nowMs)
    return this.#effects
  }

  /** The decisions in force. */
  get decisions(): readonly Decision[] {
    return this.#inForce ? [this.#inForce.decision] : []
  }

  /** The decision whose backend can be dialled: in force, and its backend not judged gone. */
  get serving(): Decision | null {
    const decision = this.#inForce?.decision
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

  /** True once decisions can be recorded. */
  get authorized(): boolean {
    return this.#authorizedAtMs !== null
  }

  views(nowMs: number): BackendView[] {
    return this.#roster.all().map((backend) => viewBackend(backend, this.#inForce, nowMs))
  }

  #take(input: Input, nowMs: number): void {
    switch (input.type) {
      case 'hello':
        return this.#hello(input.connection, input.hello, nowMs)
      case 'heartbeat':
        return this.#heartbeat(input.connection, input.heartbeat, nowMs)
      case 'refuse':
        return this.#refuse(input.connection, input.refuse, nowMs)
      case 'goodbye':
        return this.#goodbye(input.connection, input.goodbye, nowMs)
      case 'closed':
        return this.#roster.closed(input.connection, nowMs)
      case 'seen':
        this.#see(input.epoch)
        return
      case 'report':
        return this.#report(input.by, input.report, nowMs)
      case 'probed':
        return this.#roster.probed(input.incarnation, input.outcome, nowMs)
      case 'authorized':
        return this.#authorize(input.decisions, nowMs)
      case 'recorded':
        return this.#recorded(nowMs)
      case 'record-failed':
        this.#record = null
        this.#recordAfterMs = nowMs + recordPauseMs
        return
      case 'tick':
        return this.#tick(nowMs)
    }
  }

  #hello(connection: number, hello: Hello, nowMs: number): void {
    const backend = this.#roster.join(connection, hello, nowMs)
    if (!backend) return
    this.#send(connection, {
      type: 'welcome',
      version: protocolVersion,
      heartbeatIntervalMs: backend.intervalMs,
      epoch: this.#inForce?.decision.epoch ?? 0,
    })
    if (this.#inForce && this.#isNamed(backend)) this.#inForce.progressAtMs = nowMs
  }

  #heartbeat(connection: number, heartbeat: Heartbeat, nowMs: number): void {
    const backend = this.#roster.connected(connection)
    if (!backend) return
    if (!this.#see(heartbeat.reign[0]) || !this.#see(heartbeat.journalReign[0])) {
      this.#effects.push({
        type: 'close',
        connection,
        code: closeCodes.policy,
        reason: `no epoch is above ${epochMax}`,
      })
      return
    }
    this.#send(connection, { type: 'ack', sequence: heartbeat.sequence, epoch: this.#inForce?.decision.epoch ?? 0 })
    const before = this.#roster.heard(backend, heartbeat, nowMs)
    const inForce = this.#inForce
    if (!inForce || !this.#isNamed(backend)) return
    if (follow(inForce, backend, nowMs, before?.offset ?? -1) && inForce.fresh) {
      const { name, incarnation, epoch } = inForce.decision
      this.#effects.push({ type: 'publish', event: { type: 'ready', atMs: nowMs, name, incarnation, epoch } })
      if (inForce.previous !== null)
        this.#effects.push({ type: 'failed-over', epoch, tookMs: nowMs - inForce.detectedAtMs })
    }
  }

  #refuse(connection: number, { epoch, reason }: Refuse, _nowMs: number): void {
    const backend = this.#roster.connected(connection)
    if (backend) backend.refusal = { epoch, reason }
  }

  #goodbye(connection: number, goodbye: Goodbye, nowMs: number): void {
    const backend = this.#roster.connected(connection)
    if (backend) this.#roster.goodbye(backend, goodbye, nowMs)
  }

  #report(by: string, { incarnation, epoch, kind }: Report, nowMs: number): void {
    const backend = this.#roster.incarnation(incarnation)
    if (!backend || epoch < (this.#inForce?.decision.epoch ?? 0)) return // of a reign that is over
    const { reported } = backend
    const continues = reported !== null && nowMs - reported.lastMs <= reportGapMs
    backend.reported = { by, sinceMs: continues ? reported.sinceMs : nowMs, lastMs: nowMs }
    const reason = `balancer ${by} says a connection ${kind === 'refused' ? 'was refused' : 'timed out'}`
    this.#roster.suspect(backend, 'reported', reason, nowMs)
  }

  #authorize(decisions: readonly RecordedDecision[], nowMs: number): void {
    this.#authorizedAtMs = nowMs
    const decision = decisions.find(({ shard }) => shard === this.#shard)
    if (!decision) return
    this.#see(decision.epoch)
    this.#roster.expect(decision, nowMs, rejoinMs)
    this.#enforce(decision, { detectedAtMs: nowMs, fresh: false, previous: null }, nowMs)
  }

  #tick(nowMs: number): void {
    const stalledMs = nowMs - (this.#tickedAtMs ?? nowMs) - tickMs
    this.#tickedAtMs = nowMs
    this.#roster.tick(nowMs, stalledMs)
    this.#roster.setIntervals(
      this.#inForce?.decision.incarnation,
      (backend) =>
        this.#send(backend.connection!, {
          type: 'welcome',
          version: protocolVersion,
          heartbeatIntervalMs: backend.intervalMs,
          epoch: this.#inForce?.decision.epoch ?? 0,
        }),
      nowMs,
    )
    const inForce = this.#inForce
    const named = this.#named()
    if (!inForce || inForce.taken || !named || named.connection === null || named.liveness.state === 'gone') return
    if (nowMs - inForce.leadSentAtMs >= named.intervalMs) this.#lead(inForce, named, nowMs)
  }

  #tellMembers(input: Input, nowMs: number): void {
    const changes = this.#members.review((name) => this.#roster.named(name))
    if (changes) this.#effects.push({ type: 'members-changed', ...changes })
    if (input.type !== 'tick') return
    const later = this.#members.tick(nowMs)
    if (later) this.#effects.push({ type: 'members-changed', ...later })
    if (this.#members.becomesWhole(nowMs)) this.#effects.push({ type: 'members-whole' })
  }

  /** Starts a decision if one is needed and somebody can be named. */
  #decide(nowMs: number): void {
    if (this.#authorizedAtMs === null || this.#record || nowMs < this.#recordAfterMs) return
    const verdict = this.#verdict(nowMs)
    if (verdict.stays) {
      this.#vacancy = null
      this.#tellCrash(this.#inForce?.decision ?? null, false, nowMs)
      return
    }
    if (verdict.kind === 'failed') this.#setBack(nowMs)
    const chosen = chooseNext(verdict, this.#roster.all(), this.#named(), { nowMs, reportMemoryMs })
    if (!chosen) {
      if (verdict.kind !== 'worse') this.#vacate(verdict, nowMs)
      return
    }
    if (verdict.kind === 'worse') this.#setBack(nowMs)
    this.#name(chosen, verdict.reason, this.#vacancy?.detectedAtMs ?? verdict.detectedAtMs)
  }

  /** Once for each reign: the named backend is not the first to be named again. */
  #setBack(nowMs: number): void {
    const named = this.#named()
    if (!named || !this.#inForce || this.#inForce.setBack) return
    this.#inForce.setBack = true
    setBack(named, nowMs)
  }

  #verdict(nowMs: number): Verdict {
    const inForce = this.#inForce
    if (inForce) return judge(inForce, this.#roster.named(inForce.decision.name), this.#epochSeen, nowMs)
    const backends = this.#roster.all()
    const highest = highestReign(backends)
    const somebodyLed = highest[0] > 0 && !backends.some((backend) => holdsReign(backend, highest))
    // The decisions were lost, and the journal shows a reign: whoever holds it is likely to join, and is kept.
    if (somebodyLed && nowMs - this.#authorizedAtMs! < rejoinMs) return { stays: true }
    return { stays: false, kind: 'over', reason: 'no active was decided yet', detectedAtMs: nowMs }
  }

  #vacate({ reason, detectedAtMs }: Verdict & { stays: false }, nowMs: number): void {
    this.#tellCrash(null, false, nowMs)
    if (this.#vacancy) return
    this.#vacancy = { detectedAtMs }
    const starting = this.#roster.all().flatMap(({ hello, liveness, status }) => {
      if (liveness.state !== 'alive' || status?.phase !== 'starting') return []
      return [{ name: hello.name, ratio: status.progress?.ratio ?? null }]
    })
    this.#effects.push({ type: 'vacant', epoch: this.#inForce?.decision.epoch ?? 0, reason, starting })
  }

  #name(backend: KnownBackend, reason: string, detectedAtMs: number): void {
    const { name, incarnation, url, exactlyOnce, direct } = backend.hello
    const epoch = ++this.#epochSeen
    const decision: RecordedDecision = { shard: this.#shard, epoch, name, incarnation, url, exactlyOnce, direct }
    this.#record = { decision, previous: this.#inForce?.decision.name ?? null, reason, detectedAtMs }
    this.#effects.push({ type: 'record', decision, reason })
  }

  #recorded(nowMs: number): void {
    const record = this.#record
    if (!record) throw new Error('assertion: a decision was recorded that was not under way')
    this.#record = null
    this.#vacancy = null
    this.#enforce(record.decision, { ...record, fresh: true }, nowMs)
    const named = this.#named()
    if (named && named.connection !== null && named.liveness.state !== 'gone') this.#lead(this.#inForce!, named, nowMs)
    const { decision, previous, reason, detectedAtMs } = record
    const { direct: _, ...told } = decision
    this.#effects.push({
      type: 'publish',
      event: { type: 'decided', atMs: nowMs, decision: told, previous, reason, detectedAtMs },
    })
    this.#tellCrash(told, true, nowMs)
  }

  /** A standby's crash is told at once, the active's together with what was decided. */
  #takeLosses(nowMs: number): void {
    for (const loss of this.#roster.takeLosses()) {
      if (loss.incarnation === this.#inForce?.decision.incarnation) this.#untold = loss
      else this.#emitCrash(loss, this.serving, false, nowMs)
    }
  }

  #tellCrash(leader: Decision | null, decided: boolean, nowMs: number): void {
    const loss = this.#untold
    this.#untold = null
    if (loss) this.#emitCrash(loss, leader, decided, nowMs)
  }

  #emitCrash(loss: Loss, leader: Decision | null, decided: boolean, nowMs: number): void {
    const { sinceMs, ...lost } = loss
    this.#effects.push({
      type: 'crashed',
      crash: {
        ...lost,
        tookMs: nowMs - sinceMs,
        leader: leader && { name: leader.name, epoch: leader.epoch, decided },
      },
    })
  }

  #enforce(
    { direct: _, ...decision }: RecordedDecision,
    { detectedAtMs, fresh, previous }: Pick<InForce, 'detectedAtMs' | 'fresh' | 'previous'>,
    nowMs: number,
  ): void {
    this.#inForce = {
      decision,
      detectedAtMs,
      fresh,
      previous,
      taken: false,
      readySinceMs: null,
      setBack: false,
      progressAtMs: nowMs,
      leadSentAtMs: Number.NEGATIVE_INFINITY,
    }
  }

  #lead(inForce: InForce, named: KnownBackend, nowMs: number): void {
    inForce.leadSentAtMs = nowMs
    const { shard, epoch, incarnation } = inForce.decision
    this.#send(named.connection!, { type: 'lead', shard, epoch, incarnation })
  }

  /** Notes an epoch that exists somewhere. False if it cannot be one. */
  #see(epoch: number): boolean {
    if (epoch >= epochMax) return false
    this.#epochSeen = Math.max(this.#epochSeen, epoch)
    return true
  }

  /** The backend that the decision in force names, if this very incarnation is known. */
  #named(): KnownBackend | undefined {
    const decision = this.#inForce?.decision
    const backend = decision && this.#roster.named(decision.name)
    return backend?.hello.incarnation === decision?.incarnation ? backend : undefined
  }

  #isNamed(backend: KnownBackend): boolean {
    return this.#inForce?.decision.incarnation === backend.hello.incarnation
  }

  #send(connection: number, message: Extract<Effect, { type: 'send' }>['message']): void {
    this.#effects.push({ type: 'send', connection, message })
  }
}
