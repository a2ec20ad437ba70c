/** The lane in use: the active's, or the one of services without state. Which one can be changed while requests come. */
import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import type { BalancedLane } from './balanced-lane.ts'
import type { Job, Submission } from './job.ts'
import type { Lane } from './lane.ts'
import { type ChangedSettings, changedSettings, type LaneSettings } from './lane-settings.ts'
import type { Provenance } from './message-headers.ts'
import type { ReplayLane } from './replay-lane.ts'
import type { Target } from './routing.ts'
import type { StandbyLane } from './standby-lane.ts'
import type { StreamTargets } from './stream-lane.ts'

export class Lanes implements StreamTargets {
  readonly #active: ReplayLane
  readonly #balanced: BalancedLane
  readonly #standbys: StandbyLane | undefined
  readonly #log: Logger
  #settings: LaneSettings
  readonly #takesListeners: (() => void)[] = []

  constructor(
    lanes: { active: ReplayLane; balanced: BalancedLane; standbys?: StandbyLane | undefined },
    settings: LaneSettings,
    log: Logger,
  ) {
    this.#active = lanes.active
    this.#balanced = lanes.balanced
    this.#standbys = lanes.standbys
    this.#settings = settings
    this.#log = log
  }

  /** What `GET /strategy` shows. */
  get(): LaneSettings {
    return this.#settings
  }

  /** Changes the strategy, as the body of `PUT /strategy` says; what is held goes over. */
  set(body: unknown): ChangedSettings {
    const changed = changedSettings(this.#settings, body)
    if (!changed.ok) return changed
    const { settings } = changed
    const from = this.#current
    this.#settings = settings
    if (settings.strategy !== 'active') this.#balanced.use({ ...settings, strategy: settings.strategy })
    if (from !== this.#current) for (const job of from.takeHeld()) this.#current.adopt(job)
    if (from !== this.#current) for (const listener of this.#takesListeners) listener()
    this.#log.info({ event: 'strategy', ...settings }, `requests go by ${settings.strategy}`)
    return changed
  }

  /** True once somebody is known to send to. A backend that cannot be reached is waited for, with requests held: no reason to send clients away. */
  get ready(): boolean {
    return this.#current.knowsBackend
  }

  get held(): number {
    return this.#active.held + this.#balanced.held
  }

  /** The most that were held at a time since this was asked last; both at once do not hold. */
  takeHeldPeak(): number {
    return this.#active.takeHeldPeak() + this.#balanced.takeHeldPeak()
  }

  submit(submission: Submission): Job {
    const read = this.#settings.strategy === 'active' ? this.#standbys?.submit(submission) : undefined
    return read ?? this.#current.submit(submission)
  }

  /** Takes over a request that no standby answered. */
  adopt(job: Job): void {
    this.#current.adopt(job)
  }

  provenance(): Provenance {
    return this.#current.provenance()
  }

  close(): void {
    this.#standbys?.close()
    this.#active.close()
    this.#balanced.close()
  }

  // Where streams go

  get takes(): boolean {
    return this.#current.takes
  }

  pick(request: IncomingMessage): Target | undefined {
    return this.#current.pick(request)
  }

  left(target: Target): void {
    if (isBalanced(target)) this.#balanced.left(target)
  }

  onTakes(listener: () => void): void {
    this.#takesListeners.push(listener)
    this.#active.onTakes(listener)
    this.#balanced.onTakes(listener)
  }

  onMoved(listener: (stays: (target: Target) => boolean) => void): void {
    this.#active.onMoved((stays) => listener((target) => isBalanced(target) || stays(target)))
    this.#balanced.onMoved((stays) => listener((target) => !isBalanced(target) || stays(target)))
  }

  plainHeaders(target: Target): [string, string][] {
    return this.#active.plainHeaders(target)
  }

  get #current(): Lane {
    return this.#settings.strategy === 'active' ? this.#active : this.#balanced
  }
}

/** Decisions begin at epoch 1: what has none was chosen among the members. */
function isBalanced({ epoch }: Target): boolean {
  return epoch === 0
}
