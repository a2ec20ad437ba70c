/** Keeps the gate of the target: its pause, its scout, and what people read about it. A shell around `gate.ts`. */
import type { Logger } from 'pino'
import type { Time } from '../checkpoint/time.ts'
import * as gates from './gate.ts'
import type { Job } from './job.ts'
import type { Failure } from './replay.ts'
import type { Target } from './routing.ts'

export class Gatekeeper {
  readonly #log: Logger
  readonly #time: Time
  readonly #opened: () => void
  #gate: gates.Gate = gates.openGate
  #closedBy: Failure['type'] | undefined
  #scout: Job | undefined
  #cancelPause: () => void = () => undefined

  /** @param opened called each time requests may go after they might not */
  constructor(log: Logger, time: Time, opened: () => void) {
    this.#log = log
    this.#time = time
    this.#opened = opened
  }

  /** True if a request may go now. */
  get lets(): boolean {
    return gates.lets(this.#gate)
  }

  get isOpen(): boolean {
    return this.#gate.state === 'open'
  }

  /** True if the target could not be reached, and a scout is on its way to find out whether it can. */
  get awaitsConnection(): boolean {
    return this.#gate.state === 'scouting' && this.#closedBy === 'unreachable'
  }

  /** A request goes; it may be the scout. */
  went(job: Job): void {
    if (this.#gate.state === 'open') return
    this.#scout = job
    this.#gate = gates.afterGoing(this.#gate)
    this.#cancelPause()
    // Where a connection says all, that is not long in coming.
    if (this.awaitsConnection) return
    // Its answer may take long, which says nothing of the target: others are not to wait for that.
    this.#cancelPause = this.#time.after(gates.pauseMaxMs, () => this.#scoutLate())
  }

  /** A request ended, or goes elsewhere. */
  left(job: Job): void {
    if (this.#scout !== job) return
    this.#scout = undefined
    this.#gate = gates.afterScoutLeft(this.#gate)
  }

  /** Another target is there: nothing is known against it. */
  reset(): void {
    this.#cancelPause()
    this.#gate = gates.openGate
    this.#closedBy = undefined
    this.#scout = undefined
  }

  /** The target takes requests. */
  open(target: Target): void {
    if (!this.isOpen) {
      const { epoch, name, url } = target
      this.#log.info({ event: 'reachable', epoch, backend: name }, `${name ?? url} takes requests again`)
    }
    this.reset()
    this.#opened()
  }

  /** The target failed. False if that is only an echo of what is known. */
  close(target: Target, failure: Failure, error: Error): boolean {
    if (this.#gate.state === 'pausing') return false
    if (this.isOpen) {
      const { epoch, name, url } = target
      const reason = failure.type === 'unreachable' ? failure.kind : failure.type
      const fields = { event: 'unreachable', epoch, backend: name, reason, error: error.message }
      this.#log.warn(fields, `${name ?? url} takes no requests: ${reason}`)
    }
    this.#cancelPause()
    this.#closedBy = failure.type
    this.#gate = gates.afterFailure(this.#gate)
    if (this.#gate.state === 'pausing')
      this.#cancelPause = this.#time.after(this.#gate.pauseMs, () => this.#pauseOver())
    return true
  }

  #scoutLate(): void {
    this.#scout = undefined
    this.#gate = gates.afterScoutLeft(this.#gate)
    this.#opened()
  }

  #pauseOver(): void {
    this.#gate = gates.afterPause(this.#gate)
    this.#opened()
  }
}
