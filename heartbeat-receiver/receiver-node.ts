/**
 * A receiver without the machine around it: the core, its journal of decisions, and what goes between them. It has no socket, clock, random
 * source or file of its own; `service.ts` puts a process around it, and the simulation runs this very class.
 */
import type { Logger } from 'pino'
import type { Journal } from '../checkpoint/journal.ts'
import type { SnapshotStore } from '../checkpoint/snapshot-store.ts'
import type { Time } from '../checkpoint/time.ts'
import { announce, announceCrash, announceVacancy } from './announcements.ts'
import { Authority } from './authority.ts'
import type { CrashWords } from './crash-wording.ts'
import type { BoardReceiver } from './dashboard/board.ts'
import { type Crash, type Effect, type Input, type ProbeOutcome, type RecordedDecision, tickMs } from './events.ts'
import type { Evidence } from './known-backend.ts'
import { renewalMs } from './leadership.ts'
import { leaseMsAt } from './lease-ledger.ts'
import { changeMessages, wholeList } from './member-messages.ts'
import type {
  BackendView,
  Decision,
  Drained,
  HandedOver,
  HandOver,
  ReceiverEvent,
  ToBackend,
  ToFollower,
} from './protocol.ts'
import { Receiver } from './receiver.ts'
import type { LinkPorts } from './receiver-link.ts'

/** What followers may say beyond the first version of the protocol. */
const takes = ['figures']
/** How often followers hear from a receiver that has nothing to say, milliseconds. */
export const decisionsIntervalMs = 1_000

/** What a receiver does to the world. Nothing here throws or waits, but for `probe`. */
export interface ReceiverPorts {
  /** Sends to a backend, if its connection is still open. */
  send(connection: number, message: ToBackend): void
  /** Refuses a backend. */
  close(connection: number, code: number, reason: string): void
  /** Sends to every follower. */
  broadcast(message: ToFollower): void
  /** Sends to one follower, if it is still there. */
  tell(follower: number, message: ToFollower): void
  /** Tells every follower what is too long for one message, each as fast as it reads. */
  tellAll(messages: () => Iterator<ToFollower>): void
  /** Sends to every follower whose role is `receiver`. */
  tellPeers(message: ToFollower): void
  /** Asks with a fresh connection whether anybody listens at a URL. Never rejects. */
  probe(url: string): Promise<ProbeOutcome>
  /** For whoever watches. */
  publish(event: ReceiverEvent, evidence: Evidence | undefined): void
  /** For the board: what is published, and what is quiet. */
  happened?(event: ReceiverEvent): void
  /** For the board, each crash; returns what a person is told of it. */
  crashed?(crash: Crash): CrashWords
  /** For the metrics: a successor serves, so long after the first evidence. */
  failedOver(tookMs: number): void
  /** For the metrics: whether this receiver decides. */
  leads(leads: boolean): void
  /** It must not go on; the message says why. Called at most once. */
  failed(error: Error): void
}

export interface ReceiverNodeOptions {
  /** Name that survives restarts. */
  readonly name: string
  /** Unique to this process. */
  readonly incarnation: string
  /** `ws://` URL where the other receivers reach this one, known once it listens. */
  readonly url: () => string
  /** The configured heartbeat interval, milliseconds. */
  readonly heartbeatMs: number
  readonly journal: Journal
  readonly snapshots?: SnapshotStore | undefined
  /** `ws://` URLs of the other receivers. */
  readonly peers: readonly string[]
  readonly token?: string | undefined
  readonly time: Time
  /** From 0 to 1. */
  readonly random: () => number
  /** Names what must have a name of its own, as a snapshot; default random UUIDs. */
  readonly newId?: (() => string) | undefined
  readonly log: Logger
  readonly ports: ReceiverPorts
  /** Connects to a peer. */
  readonly dial: LinkPorts['dial']
}

export class ReceiverNode {
  readonly #options: ReceiverNodeOptions
  readonly #core: Receiver
  readonly #authority: Authority
  readonly #stops: (() => void)[] = []
  /** From the monotonic clock to Unix milliseconds. */
  readonly #originMs: number
  /** Those of this process that wait for a handover. */
  readonly #asking = new Map<number, (result: HandedOver) => void>()
  /** And those that wait for a drain. */
  readonly #draining = new Map<number, { name: string; draining: boolean; resolve: (result: Drained) => void }>()
  #askers = 0
  #ending = false

  constructor(options: ReceiverNodeOptions) {
    const { time, heartbeatMs } = options
    this.#options = options
    this.#originMs = time.wall() - time.now()
    this.#core = new Receiver({ shard: 0, heartbeatMs })
    this.#authority = this.#createAuthority(options)
  }

  /**
   * Begins: hears at once, and decides when it has read the journal of decisions and no other receiver does.
   * @throws ReceiverError BAD_URL for what is no address of a peer
   */
  start(): void {
    const { time, ports } = this.#options
    this.#authority.start()
    this.#stops.push(
      // After what arrived meanwhile was read: a heartbeat that waits in a socket of a receiver that stalled is no silence.
      time.every(tickMs, () => time.soon(() => this.#tick())),
      time.every(decisionsIntervalMs, () => ports.broadcast(this.#decisionsMessage(decisionsIntervalMs))),
      time.every(renewalMs, () => {
        if (this.leads) ports.tellPeers(this.#decisionsMessage(renewalMs))
      }),
    )
  }

  /** The decisions in force. */
  get decisions(): readonly Decision[] {
    return this.#core.decisions
  }

  /** The decision whose backend can be dialled. */
  get serving(): Decision | null {
    return this.#core.serving
  }

  /** True while this receiver decides. */
  get leads(): boolean {
    return this.#authority.leads
  }

  /** Why it cannot say who is active yet; null if it can. */
  get notReady(): string | null {
    return this.leads || this.#authority.follows ? null : 'waiting for the journal of decisions'
  }

  views(): BackendView[] {
    return this.#core.views(this.nowMs())
  }

  /** This receiver and the others, for the board; `url` is its own. */
  receivers(url: string): BoardReceiver[] {
    const { name } = this.#options
    const problem = this.notReady ?? this.#authority.lapse
    const { leader, peers } = this.#authority
    return [
      { url, name, leads: this.leads, reachable: true, problem },
      ...peers.map(({ url, incarnation, name, leads, connected, problem }) => ({
        ...{ url, leads, reachable: connected },
        name: name ?? (leader?.incarnation === incarnation ? (leader?.node ?? null) : null),
        problem: connected ? null : (problem ?? 'it is not connected yet'),
      })),
    ]
  }

  /** The core, to be looked at. */
  get seen(): Pick<Receiver, 'sightings' | 'shards' | 'heartbeatsOf'> {
    return this.#core
  }

  /** Takes what was heard, in order. */
  take(input: Input): void {
    if (this.#ending) return
    this.#authority.tell()
    this.#step(input)
  }

  #step(input: Input): void {
    if (this.#ending) return
    const effects = this.#core.step(input, this.nowMs())
    for (const effect of effects) if (effect.type !== 'crashed') this.#carryOut(effect)
    for (const effect of effects) if (effect.type === 'crashed') this.#carryOut(effect) // words last: what was decided waits for none
  }

  /** What a new follower is told, in this order. */
  *welcome(): Generator<ToFollower> {
    yield this.#decisionsMessage(decisionsIntervalMs)
    yield* this.#membersMessages()
  }

  /** A planned change of active. Resolves once it is done, or will not be, with why. */
  handOver(request: Omit<HandOver, 'type'>): Promise<HandedOver> {
    return new Promise((resolve) => {
      if (this.#ending) return resolve(notDone(request.shard))
      const asker = --this.#askers // below 0: those above are followers
      this.#asking.set(asker, resolve)
      this.take({ type: 'hand-over', follower: asker, request: { type: 'hand-over', ...request } })
    })
  }

  /** Chooses a backend for nothing any more, or again. Resolves once it is done, or will not be, with why. */
  drain(name: string, draining: boolean): Promise<Drained> {
    return new Promise((resolve) => {
      if (this.#ending) return resolve({ name, draining, ...stops })
      const asker = --this.#askers
      this.#draining.set(asker, { name, draining, resolve })
      this.take({ type: 'drain', asker, name, draining })
    })
  }

  /** Ends: nothing is heard or said any more, and the journal is left. */
  async close(): Promise<void> {
    this.#ending = true
    for (const stop of this.#stops) stop()
    for (const resolve of this.#asking.values()) resolve(notDone(0))
    this.#asking.clear()
    for (const { resolve, ...asked } of this.#draining.values()) resolve({ ...asked, ...stops })
    this.#draining.clear()
    await this.#authority.close()
  }

  #createAuthority(options: ReceiverNodeOptions): Authority {
    const { name, incarnation, url, peers, token, time, random, newId, dial, log, journal, snapshots, ports } = options
    return new Authority({
      ...{ name, incarnation, url, peers, token, time, random, dial, log },
      leaseMs: leaseMsAt(options.heartbeatMs),
      journal: {
        journal,
        ...(snapshots ? { snapshots } : {}),
        ...(newId ? { newId } : {}),
        log: log.child({ journal: 'decisions' }),
      },
      listener: {
        authorized: (decisions, untilMs) => {
          const leases = untilMs === null ? {} : { leasesUntilMs: this.#originMs + untilMs }
          this.take({ type: 'authorized', decisions, ...leases })
          ports.leads(true)
        },
        authority: (untilMs) =>
          this.#step({ type: 'authority', untilMs: untilMs === null ? 0 : this.#originMs + untilMs }),
        deauthorized: () => {
          this.take({ type: 'deauthorized' })
          ports.leads(false)
        },
        followed: (decisions) => this.take({ type: 'followed', decisions }),
        probe: (probed) => ports.probe(probed),
        failed: (error) => this.#fail(error),
      },
    })
  }

  #tick(): void {
    if (this.#ending) return
    this.#authority.tick()
    this.take({ type: 'tick' })
  }

  #fail(error: Error): void {
    this.#ending = true
    this.#options.ports.failed(error)
  }

  #carryOut(effect: Effect): void {
    const { ports, log } = this.#options
    switch (effect.type) {
      case 'send':
        return ports.send(effect.connection, effect.message)
      case 'close':
        return ports.close(effect.connection, effect.code, effect.reason)
      case 'probe':
        void this.#probe(effect.incarnation, effect.url)
        return
      case 'record':
        void this.#record(effect.decision)
        return
      case 'publish':
        return this.#publish(effect)
      case 'members-changed':
        for (const message of changeMessages(effect)) ports.broadcast(message)
        return
      case 'members-whole':
        return ports.tellAll(() => this.#membersMessages())
      case 'handed-over':
        return this.#handedOver(effect.follower, effect.result)
      case 'drained':
        return this.#drained(effect.asker, effect.result)
      case 'crashed':
        return this.#crashed(effect)
      case 'vacant':
        return announceVacancy(log, effect)
      case 'failed-over':
        return ports.failedOver(effect.tookMs)
    }
  }

  #drained(asker: number, result: Drained): void {
    this.#draining.get(asker)?.resolve(result)
    this.#draining.delete(asker)
  }

  #handedOver(follower: number, result: HandedOver): void {
    const resolve = this.#asking.get(follower)
    this.#asking.delete(follower)
    if (resolve) resolve(result)
    else this.#options.ports.tell(follower, { type: 'handed-over', ...result })
  }

  async #probe(incarnation: string, url: string): Promise<void> {
    const outcome = await this.#options.ports.probe(url)
    this.take({ type: 'probed', incarnation, outcome })
  }

  async #record(decision: RecordedDecision): Promise<void> {
    try {
      await this.#authority.record(decision)
    } catch (error) {
      const reason = (error as Error).message
      this.#options.log.warn({ event: 'record-failed', epoch: decision.epoch, backend: decision.name, reason }, reason)
      return this.take({ type: 'record-failed', epoch: decision.epoch })
    }
    this.take({ type: 'recorded', epoch: decision.epoch })
  }

  #crashed({ crash, quiet }: Extract<Effect, { type: 'crashed' }>): void {
    const { ports, log } = this.#options
    const words = ports.crashed?.(crash)
    if (!quiet) announceCrash(log, crash, words)
  }

  #publish({ event, evidence, quiet }: Extract<Effect, { type: 'publish' }>): void {
    const { ports, log } = this.#options
    if (!quiet && event.type === 'decided') ports.broadcast({ type: 'decided', decision: event.decision })
    ports.happened?.(event)
    if (quiet) return
    ports.publish(event, evidence)
    announce(log, event)
  }

  #membersMessages(): Generator<ToFollower> {
    const { members, membersWhole } = this.#core
    return membersWhole ? wholeList(members) : changeMessages({ members, left: [] })
  }

  #decisionsMessage(intervalMs: number): ToFollower {
    const { incarnation, name } = this.#options
    const decisions = [...this.#core.decisions]
    return { type: 'decisions', decisions, leads: this.leads, incarnation, name, takes, intervalMs }
  }

  /** Monotonic time in Unix milliseconds. */
  nowMs(): number {
    return this.#originMs + this.#options.time.now()
  }
}

const stops = { failure: 'not-leading', reason: 'this receiver stops; ask another' } as const

function notDone(shard: number): HandedOver {
  return { shard, from: null, to: null, epoch: 0, tookMs: 0, ...stops }
}
