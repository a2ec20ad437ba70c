/** Carries out what `leadership.ts` asks for, over the journal of decisions and the links to the other receivers. A shell: it decides nothing. */
import type { Logger } from 'pino'
import type { CheckpointOptions } from '../checkpoint/checkpoint.ts'
import { type Moment, momentOf } from '../checkpoint/staleness.ts'
import type { Time } from '../checkpoint/time.ts'
import { DecisionLog } from './decision-log.ts'
import { type ProbeOutcome, type RecordedDecision, tickMs } from './events.ts'
import { type Action, authorityMs, type Leader, Leadership, probeUrlOf } from './leadership.ts'
import { inheritedLeaseMs } from './lease-ledger.ts'
import { type PeerState, Peers } from './peers.ts'
import type { LinkPorts } from './receiver-link.ts'

export interface AuthorityOptions {
  readonly name: string
  readonly incarnation: string
  /** Own URL as it is claimed, once it is known. */
  readonly url: () => string
  /** URLs of the other receivers. */
  readonly peers: readonly string[]
  readonly token: string | undefined
  /** How long a lease is that this receiver grants, milliseconds. */
  readonly leaseMs: number
  /** Of the journal of decisions. */
  readonly journal: Omit<CheckpointOptions, 'incarnation' | 'node' | 'url' | 'standbys' | 'time' | 'random'>
  readonly time: Time
  readonly random: () => number
  readonly dial: LinkPorts['dial']
  readonly log: Logger
  readonly listener: AuthorityListener
}

export interface AuthorityListener {
  /** This receiver leads. Others may hold leases that it did not grant until `leasesUntilMs`, monotonic milliseconds; null if nobody does. */
  authorized(decisions: readonly RecordedDecision[], leasesUntilMs: number | null): void
  /** Until when it may decide and grant leases, monotonic milliseconds; null if it may not now. Told whenever that changes. */
  authority(untilMs: number | null): void
  /** It leads no more. */
  deauthorized(): void
  /** It does not lead, and these are the decisions in the journal. */
  followed(decisions: readonly RecordedDecision[]): void
  /** Asks with a fresh connection whether anybody listens at a URL. Never rejects. */
  probe(url: string): Promise<ProbeOutcome>
  /** It must not go on. */
  failed(error: Error): void
}

/** What is told of the authority is less than it is by so much, milliseconds: the grain of the clocks is no change. */
const grainMs = 2
/** And it is told again when it has grown by so much, milliseconds. */
const growthMs = 10
/** A leader that may decide nothing for so long says so, milliseconds: until then it is likely to pass. */
const lapsedMs = 2_000
const lapseReason = `no record in the journal of decisions was acknowledged within ${authorityMs} ms of its sending`

export class Authority {
  readonly #options: AuthorityOptions
  readonly #leadership: Leadership
  readonly #decisions: DecisionLog
  #peers: Peers | null = null
  /** Why this receiver claims. */
  #reason = ''
  #followedEpoch = -1
  #toldUntilMs: number | null = null
  /** Since when it leads and may decide nothing. */
  #lapsed: { readonly sinceMs: number; said: boolean } | null = null
  #ended = false

  constructor(options: AuthorityOptions) {
    const { incarnation, name: node, url, time, random, journal, peers } = options
    this.#options = options
    this.#leadership = new Leadership({ incarnation, url, random })
    const standbys = () => (peers.length === 0 ? 0 : this.#peers?.connected)
    this.#decisions = new DecisionLog(
      { ...journal, ...{ incarnation, node, url, standbys, time, random } },
      {
        caughtUp: (unseen) => this.#caughtUp(unseen),
        restoring: () => this.#leadership.restoring(),
        read: () => this.#read(),
        claimed: () => this.#claimed(),
        lost: () => this.#lost(),
      },
    )
    this.#decisions.onFailed((error) => this.#fail(error))
  }

  /** Begins. @throws ReceiverError BAD_URL */
  start(): void {
    const { peers: urls, name, incarnation, token, time, dial, random, log } = this.#options
    const leadership = this.#leadership
    this.#peers = new Peers({
      ...{ urls, name, incarnation, token, log },
      ports: { dial, random, now: () => time.now(), after: (delayMs, callback) => time.after(delayMs, callback) },
      heard: (other, leads) => leadership.heard(other, leads, time.now()),
      lost: (other) => this.#after(() => leadership.linkLost(other)),
      replaced: (other) => this.#after(() => leadership.replaced(other, time.now())),
    })
    this.#decisions.start().catch((error: Error) => this.#fail(error))
  }

  /** True while this receiver decides. */
  get leads(): boolean {
    return this.#leadership.leads
  }

  /** True while it knows what another decides. */
  get follows(): boolean {
    return this.#leadership.follows
  }

  /** Who leads as far as is known, if it is another. */
  get leader(): Leader | null {
    return this.#leadership.leader
  }

  /** The other receivers, in the order of their URLs. */
  get peers(): readonly PeerState[] {
    return this.#peers?.states ?? []
  }

  /** Why this receiver leads and may decide nothing; null if that is not so. */
  get lapse(): string | null {
    return this.#lapsed?.said ? lapseReason : null
  }

  /** Time passes; expected every {@link tickMs}. */
  tick(): void {
    this.#leadership.tick(this.#options.time.now(), tickMs)
    this.#act()
    this.#watchLapse()
  }

  /** Tells the listener if its authority is another than it was told. To be called before anything is decided. */
  tell(): void {
    const now = momentOf(this.#options.time)
    const untilMs = this.#leadership.authorityUntilMs(now)
    const told = this.#toldUntilMs
    if (untilMs === null ? told === null : told !== null && untilMs >= told && untilMs < told + growthMs) return
    this.#toldUntilMs = untilMs === null ? null : untilMs - grainMs
    if (this.#leadership.leads) this.#options.listener.authority(this.#toldUntilMs)
  }

  /** Resolves when the decision is durable. @throws CheckpointError */
  async record(decision: RecordedDecision): Promise<void> {
    const sentAt = momentOf(this.#options.time)
    await this.#decisions.record(decision)
    this.#renewed(sentAt)
  }

  async close(): Promise<void> {
    this.#ended = true
    this.#peers?.close()
    await this.#decisions.close()
  }

  /** Takes note of something, and does what follows from it. */
  #after(note: () => void): void {
    note()
    this.#act()
  }

  #act(): void {
    if (this.#ended) return
    const readable = this.follows && this.#decisions.readable
    const action = this.#leadership.next(this.#options.time.now(), readable)
    if (action) this.#carryOut(action)
  }

  #carryOut(action: Action): void {
    switch (action.type) {
      case 'claim':
        if (!this.#decisions.claim()) return // as soon as it is time for it
        this.#reason = action.reason
        this.#leadership.claiming()
        return
      case 'renew':
        void this.#renew()
        return
      case 'probe':
        void this.#probe(action.leader)
        return
    }
  }

  async #renew(): Promise<void> {
    const { time, log } = this.#options
    const sentAt = momentOf(time)
    this.#leadership.renewing(sentAt.monotonicMs)
    try {
      await this.#decisions.renew()
      this.#renewed(sentAt)
    } catch (err) {
      log.debug({ err }, 'the authority could not be renewed') // leadership that is lost is told of by itself
    }
    this.#leadership.renewalEnded()
    this.#act()
  }

  /** For whoever wonders why a receiver that leads decides nothing. */
  #watchLapse(): void {
    const { time, log } = this.#options
    const now = momentOf(time)
    const since = this.#lapsed
    if (!this.leads || this.#leadership.authorityUntilMs(now) !== null) {
      this.#lapsed = null
      if (since?.said && this.leads) log.info({ event: 'authority-back' }, 'this receiver may decide again')
      return
    }
    this.#lapsed ??= { sinceMs: now.monotonicMs, said: false }
    if (this.#lapsed.said || now.monotonicMs - this.#lapsed.sinceMs < lapsedMs) return
    this.#lapsed.said = true
    const text = `this receiver leads and may decide nothing: ${lapseReason}`
    log.warn({ event: 'authority-lapsed', reason: lapseReason }, text)
  }

  #renewed(sentAt: Moment): void {
    this.#leadership.renewed(sentAt)
    this.tell()
  }

  async #probe(leader: Leader): Promise<void> {
    const { listener, time, url: own } = this.#options
    const url = probeUrlOf(leader, this.#peers?.urlOf(leader.incarnation), own())
    const outcome = url === null ? 'unreachable' : await listener.probe(url)
    if (this.#ended) return
    this.#after(() => this.#leadership.probed(leader.incarnation, outcome, time.now()))
  }

  #caughtUp(unseen: boolean): void {
    const { time, log } = this.#options
    const { leader } = this.#decisions
    this.#leadership.caughtUp(leader, unseen, time.now())
    if (leader)
      log.info({ event: 'follows', leader: leader.node, url: leader.url }, `the journal names receiver ${leader.node}`)
    this.#tellFollowed()
    this.#act()
  }

  #read(): void {
    const { leader } = this.#decisions
    if (!leader || this.#leadership.leads) return
    const known = this.#leadership.leader?.incarnation
    this.#leadership.read(leader, this.#options.time.now())
    if (!this.#leadership.follows) return // while it reads what was before
    if (known !== leader.incarnation)
      this.#options.log.info(
        { event: 'follows', leader: leader.node, url: leader.url },
        `receiver ${leader.node} leads; this one follows`,
      )
    this.#tellFollowed()
  }

  #claimed(): void {
    const { time, log, listener, leaseMs } = this.#options
    const nowMs = time.now()
    const { decisions } = this.#decisions
    this.#leadership.claimed(nowMs, Math.max(leaseMs, ...decisions.map((newest) => inheritedLeaseMs(newest, leaseMs))))
    this.#followedEpoch = -1
    this.#toldUntilMs = null
    const { leasesUntilMs } = this.#leadership
    const epoch = epochOf(decisions)
    log.info({ event: 'authorized', epoch, reason: this.#reason }, `this receiver leads: ${this.#reason}`)
    listener.authorized(decisions, leasesUntilMs > nowMs && decisions.length > 0 ? leasesUntilMs : null)
    this.#act()
  }

  #lost(): void {
    const { time, log, listener } = this.#options
    const led = this.#leadership.leads
    this.#leadership.lost(time.now())
    this.#toldUntilMs = null
    if (!led) return log.info({ event: 'claim-void' }, 'another receiver was first to claim; this one follows')
    const by = this.#decisions.leader?.node ?? 'another'
    log.warn({ event: 'deauthorized', leader: by }, `receiver ${by} leads now; this one follows`)
    listener.deauthorized()
    this.#tellFollowed()
  }

  #tellFollowed(): void {
    if (this.leads) return
    const { decisions } = this.#decisions
    const epoch = epochOf(decisions)
    if (epoch === this.#followedEpoch) return
    this.#followedEpoch = epoch
    this.#options.listener.followed(decisions)
  }

  /** After an orderly stop this is no news. */
  #fail(error: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#options.listener.failed(error)
  }
}

function epochOf(decisions: readonly RecordedDecision[]): number {
  return decisions.reduce((highest, { epoch }) => Math.max(highest, epoch), 0)
}
