/**
 * All of a backend that is no socket, HTTP server or process: its checkpoint, what the receivers are told, and what is done upon their word.
 * Time, randomness and connections are handed in, so that the simulation runs the very same.
 */
import type { Logger } from 'pino'
import {
  type Checkpoint,
  CheckpointError,
  type CheckpointLimits,
  createCheckpoint,
  type Journal,
  type Routes,
  routes,
  type SnapshotStore,
} from '../checkpoint/index.ts'
import { defaultBodyBytesMax } from '../checkpoint/route.ts'
import type { Time } from '../checkpoint/time.ts'
import type { LinkPorts } from '../heartbeat-receiver/receiver-link.ts'
import { type HeartbeatStatus, type Heartbeats, startHeartbeats } from './heartbeat-client.ts'

/** A checkpoint with the HTTP side: `route` makes a handler that is exactly once. */
export type ServiceCheckpoint = Checkpoint & Pick<Routes, 'route'>

/** What a backend is made of. */
export interface BackendNodeOptions {
  /** As balancers and receivers know it. */
  readonly name: string
  /** Unique to this process. */
  readonly incarnation: string
  /** Where balancers and receivers reach it; asked for when it joins, and at each claim. */
  readonly url: () => string
  readonly journal: Journal
  /** Default: no snapshots are taken. */
  readonly snapshots?: SnapshotStore
  readonly limits?: Partial<CheckpointLimits>
  /** Most bytes of a JSON body that a route reads itself. */
  readonly bodyBytesMax?: number
  /** `ws://` URLs. */
  readonly receivers: readonly string[]
  readonly token?: string | undefined
  readonly weight: number
  /** Balancers and receivers reach it with no proxy or NAT between. */
  readonly direct: boolean
  readonly log: Logger
  readonly time: Time
  /** From 0 to 1; default one that nobody can foretell. */
  readonly random?: () => number
  /** Makes names that nobody has had before; default random UUIDs. */
  readonly newId?: () => string
  /** Connections to receivers. */
  readonly ports: LinkPorts
  /** What else a heartbeat tells. */
  readonly inFlight?: () => number
  readonly eventLoopDelayMs?: () => number
  /** Called before each regular heartbeat. */
  readonly onHeartbeat?: () => void
  /** It must not go on, with an error whose message says why. */
  readonly onFailed: (error: unknown) => void
}

/** How long a leading backend that stops waits for its successor's claim, milliseconds. */
const handOverDeadlineMs = 2_000

/** One backend, without its HTTP server. It keeps rule 1 of leases: a grant counts from when the heartbeat was sent that it answers. */
export class BackendNode {
  readonly name: string
  readonly checkpoint: ServiceCheckpoint
  readonly routes: Routes
  readonly #options: BackendNodeOptions
  #heartbeats: Heartbeats | null = null
  #handingOver: Promise<void> | null = null
  #draining = false

  constructor(options: BackendNodeOptions) {
    const { name, token, log, journal, snapshots, incarnation, url, limits, time, random, newId } = options
    this.#options = options
    this.name = name
    const checkpoint = createCheckpoint({
      ...{ journal, incarnation, node: name, url, log, time },
      ...(snapshots && { snapshots }),
      ...(limits && { limits }),
      ...(random && { random }),
      ...(newId && { newId }),
    })
    const { bodyBytesMax = defaultBodyBytesMax } = options
    this.routes = routes(checkpoint, { node: name, token, log, bodyBytesMax })
    this.checkpoint = Object.assign(checkpoint, { route: this.routes.route })
    checkpoint.on('fatal', options.onFailed)
  }

  /** Opens the journal and follows it, and tells the receivers. Only who is warm should: it may be named at once. Does nothing when it is stopping. */
  join(): void {
    if (this.#handingOver || this.#heartbeats) return
    const heartbeats = this.#startHeartbeats()
    this.#heartbeats = heartbeats
    this.checkpoint.on('phase', () => heartbeats.statusChanged())
    this.checkpoint.start().catch((error: unknown) => this.#didNotStart(error))
  }

  /**
   * Says goodbye, so that another is named, and goes on serving until that one's claim is read: no request has to wait for our end. Takes at most
   * two seconds. It has no lease any more when it says so, and takes none: nobody has to wait for that either.
   */
  handOver(): Promise<void> {
    this.#handingOver ??= this.#handOver()
    return this.#handingOver
  }

  /** Ends in good order: hands over, answers what it can, closes the journal. */
  async close(): Promise<void> {
    await this.handOver()
    await this.checkpoint.close()
  }

  #startHeartbeats(): Heartbeats {
    const { receivers, token, name, incarnation, url, weight, direct, log, time, ports, onHeartbeat } = this.#options
    return startHeartbeats({
      ...{ receivers, token, log, ports, wall: () => time.wall() },
      hello: { name, incarnation, url: url(), weight, direct, exactlyOnce: true, takes: ['drain'] },
      status: () => this.#status(),
      onLead: (epoch) => this.#lead(epoch),
      onEpoch: (epoch) => this.checkpoint.sawEpoch(epoch),
      onLease: (lease) => this.checkpoint.grantLease(lease),
      onYield: (epoch) => this.checkpoint.dropLease(epoch),
      onDrain: (draining) => this.#drain(draining),
      onRefused: this.#options.onFailed,
      ...(onHeartbeat && { onHeartbeat }),
    })
  }

  #didNotStart(error: unknown): void {
    const stoppedMeanwhile = error instanceof CheckpointError && error.code === 'STOPPED'
    if (!stoppedMeanwhile) this.#options.onFailed(error) // to be told to stop while it catches up is no failure
  }

  #lead(epoch: number): void {
    if (this.checkpoint.lead(epoch)) return
    const { phase, journalReign } = this.checkpoint.status()
    this.#heartbeats?.refuse(epoch, `it is ${phase}, and its journal shows epoch ${journalReign[0]}`)
  }

  /** It goes on as it is; the receivers choose it for nothing, and name another if it leads. */
  #drain(draining: boolean): void {
    if (draining === this.#draining) return
    this.#draining = draining
    const what = draining ? 'draining: to be chosen for nothing' : 'no longer draining'
    this.#options.log.info({ event: 'draining', from: !draining, to: draining, reason: 'a receiver was asked' }, what)
    this.#heartbeats?.statusChanged()
  }

  #status(): HeartbeatStatus {
    const { phase, reign, journalReign, offset, lag, unsettledMs, journalReachable, progress } =
      this.checkpoint.status()
    const { inFlight = none, eventLoopDelayMs = none } = this.#options
    return {
      phase: this.#handingOver ? 'stopping' : phase,
      reign: [...reign],
      journalReign: [...journalReign],
      ...{ offset, lag, unsettledMs, journalReachable },
      inFlight: inFlight(),
      eventLoopDelayMs: eventLoopDelayMs(),
      ...(this.#draining && { draining: true }),
      ...(progress && { progress: { ratio: progress.ratio, remainingMs: progress.remainingMs } }),
    }
  }

  async #handOver(): Promise<void> {
    const { leads } = this.checkpoint
    const heard = this.#heartbeats?.connected === true
    this.checkpoint.dropLease(Number.MAX_SAFE_INTEGER)
    this.#heartbeats?.close('stopped in order')
    if (leads && heard && !(await this.#succeeded()))
      this.#options.log.info('nobody took over in time; stopping all the same')
  }

  /** Resolves with true when the successor's claim was read here, with false when that takes too long. */
  #succeeded(): Promise<boolean> {
    const { checkpoint } = this
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const look = () => {
      if (!checkpoint.leads) resolve(true)
    }
    checkpoint.on('phase', look)
    const cancel = this.#options.time.after(handOverDeadlineMs, () => resolve(false))
    return promise.finally(() => {
      cancel()
      checkpoint.off('phase', look)
    })
  }
}

const none = () => 0
