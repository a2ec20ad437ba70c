/** One member as the balanced lane sees it: its connections, its load, its breaker. A shell around `circuit-breaker.ts`. */
import type { Logger } from 'pino'
import type { Time } from '../checkpoint/time.ts'
import { type BreakerLimits, type BreakerTerm, CircuitBreaker, type FailureKind } from './circuit-breaker.ts'
import { BackendPool } from './forward.ts'
import type { Member } from './membership.ts'
import type { Target } from './routing.ts'
import { SilenceWatch } from './silence-watch.ts'
import { PeakEwma } from './strategies/peak-ewma.ts'
import type { LiveMember } from './strategies/strategy.ts'

export interface PlaceOptions {
  /** How long a member may be silent, and what is under way may take once it left, milliseconds. */
  patienceMs: number
  /** Most requests in flight at one member. */
  requestsMax: number
  breaker: BreakerLimits
  /** Certificates in which to trust for `https://`. */
  backendCa?: string | undefined
  log: Logger
  time: Time
  /** Called each time this place may take requests that it might not before. */
  freed: () => void
}

/** How long a member that left may still answer what could be asked of another, milliseconds. */
const noticeMs = 100

export class Place implements LiveMember {
  readonly member: Member
  readonly target: Target
  readonly latency = new PeakEwma()
  readonly pool: BackendPool
  readonly #options: PlaceOptions
  readonly #breaker: CircuitBreaker
  readonly #silence: SilenceWatch
  #streams = 0

  constructor(member: Member, options: PlaceOptions) {
    const { name, url, incarnation } = member
    this.member = member
    // A session is the active's alone: nothing sent from here can be told to be a replay.
    this.target = { epoch: 0, url, name, incarnation, exactlyOnce: false }
    this.#options = options
    this.pool = new BackendPool(this.target, options.freed, options.backendCa)
    this.#breaker = new CircuitBreaker(options.breaker, ({ from, to, reason }) => {
      const level = to === 'open' ? 'warn' : 'info'
      options.log[level]({ event: 'breaker', backend: name, url, from, to, reason }, `${name} is ${to}: ${reason}`)
      if (to === 'closed') queueMicrotask(options.freed)
    })
    this.#silence = new SilenceWatch(options.patienceMs, options.time)
    this.#silence.watch(this.pool)
  }

  get name(): string {
    return this.member.name
  }

  get weight(): number {
    return this.member.weight
  }

  get inFlight(): number {
    return this.pool.inFlight + this.#streams
  }

  /** True if this is the same server under the same name, with the same weight. */
  isFor({ url, incarnation, weight }: Member): boolean {
    const known = this.member
    return known.url === url && known.incarnation === incarnation && known.weight === weight
  }

  /** True if it may be sent a request now; `lastResort` if no other may. */
  takes(nowMs: number, lastResort: boolean): boolean {
    if (this.inFlight >= this.#options.requestsMax || this.pool.opensTooMany) return false
    return lastResort ? this.#breaker.letsAsLastResort(nowMs) : this.#breaker.lets(nowMs)
  }

  /** True if nothing speaks against it, whether there is room or not. */
  isWell(nowMs: number): boolean {
    return this.#breaker.lets(nowMs)
  }

  /** A request is sent; what became of it is to be told with what this returns. */
  sent(nowMs: number): BreakerTerm {
    return this.#breaker.sent(nowMs)
  }

  succeeded(term: BreakerTerm, tookMs: number, nowMs: number): void {
    this.latency.record(tookMs, nowMs)
    this.#breaker.succeeded(term, nowMs)
  }

  failed(term: BreakerTerm, kind: FailureKind, nowMs: number): void {
    this.#breaker.failed(term, kind, nowMs)
  }

  abandoned(term: BreakerTerm, nowMs: number): void {
    this.#breaker.abandoned(term, nowMs)
  }

  streamBegan(): void {
    this.#streams += 1
  }

  streamEnded(): void {
    this.#streams -= 1
    this.#options.freed()
  }

  /** It left: what can be asked of another is given up soon, the rest may end. */
  leave(): void {
    this.#silence.close()
    this.pool.leave({ noticeMs, graceMs: this.#options.patienceMs })
  }

  destroy(): void {
    this.#silence.close()
    this.pool.destroy()
  }
}
