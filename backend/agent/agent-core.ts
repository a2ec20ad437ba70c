/**
 * What an agent says of the server it speaks for: a backend without a journal, which leads when it is told to and is well. Inputs in, effects
 * out, with no clock, socket or process; `agent.ts` is the shell.
 */
import { type Heartbeat, type Phase, reasonLengthMax } from '../../heartbeat-receiver/protocol.ts'
import { type CheckOutcome, Health, type HealthOptions } from './health.ts'

export type AgentInput =
  | { readonly type: 'checked'; readonly outcome: CheckOutcome }
  /** A receiver says that this server is to lead. */
  | { readonly type: 'lead'; readonly epoch: number }
  /** A receiver says which epoch is in force. */
  | { readonly type: 'epoch'; readonly epoch: number }
  /** It is to end in order. */
  | { readonly type: 'stop' }

export type AgentEffect =
  /** Tell the receivers at once, and the log. */
  | {
      readonly type: 'phase'
      readonly from: Phase
      readonly to: Phase
      readonly epoch: number
      readonly reason: string
    }
  /** Tell the receivers that it will not lead under this epoch. */
  | { readonly type: 'refuse'; readonly epoch: number; readonly reason: string }
  /** Check the server now: whoever was deposed may be dead. */
  | { readonly type: 'check' }

type AgentPhase = Extract<Phase, 'starting' | 'standby' | 'active' | 'stopping'>

export class AgentCore {
  readonly #health: Health
  #phase: AgentPhase = 'starting'
  /** The epoch of its own reign; 0 if it never led. */
  #epochLed = 0
  /** The highest epoch heard of. */
  #epochSeen = 0
  #effects: AgentEffect[] = []

  constructor(options: HealthOptions) {
    this.#health = new Health(options)
  }

  get phase(): AgentPhase {
    return this.#phase
  }

  /** When to check next, milliseconds after the last check. */
  get pauseMs(): number {
    return this.#health.pauseMs
  }

  /** True once another was named after it: nothing new is sent here. */
  get isSucceeded(): boolean {
    return this.#epochSeen > this.#epochLed
  }

  /** Takes one input; returns what must be done, in this order. */
  step(input: AgentInput): readonly AgentEffect[] {
    this.#effects = []
    if (this.#phase === 'stopping') this.#takeStopping(input)
    else this.#take(input)
    return this.#effects
  }

  /**
   * What a heartbeat says. With no journal there is nothing to be behind in, and nothing unsettled; the reign that a journal would show is
   * the highest heard of.
   */
  status(): Omit<Heartbeat, 'type' | 'sequence'> {
    return {
      phase: this.#phase,
      ...(this.#phase === 'starting' ? { reason: this.#health.reason.slice(0, reasonLengthMax) } : {}),
      reign: [this.#epochLed, 0],
      journalReign: [this.#epochSeen, 0],
      ...{ offset: 0, lag: 0, unsettledMs: 0, journalReachable: true, inFlight: 0, eventLoopDelayMs: 0 },
    }
  }

  #take(input: AgentInput): void {
    switch (input.type) {
      case 'checked':
        return this.#checked(input.outcome)
      case 'lead':
        return this.#lead(input.epoch)
      case 'epoch':
        return this.#seen(input.epoch)
      case 'stop':
        return this.#become('stopping', 'it is to end')
    }
  }

  #takeStopping(input: AgentInput): void {
    if (input.type === 'lead') this.#refuse(input.epoch, 'it is stopping')
    else if (input.type === 'epoch') this.#epochSeen = Math.max(this.#epochSeen, input.epoch)
  }

  #checked(outcome: CheckOutcome): void {
    if (!this.#health.checked(outcome)) return
    if (this.#health.healthy) return this.#become('standby', 'its check succeeds')
    this.#become('starting', this.#health.reason)
  }

  #lead(epoch: number): void {
    if (epoch < this.#epochSeen || epoch <= this.#epochLed)
      return this.#refuse(epoch, `epoch ${this.#epochSeen} is in force`)
    this.#epochSeen = epoch
    if (!this.#health.healthy) return this.#refuse(epoch, this.#health.reason)
    this.#epochLed = epoch
    this.#become('active', 'it was named')
  }

  #seen(epoch: number): void {
    if (epoch <= this.#epochSeen) return
    this.#epochSeen = epoch
    if (this.#phase !== 'active') return
    this.#become('standby', `epoch ${epoch} is in force`)
    this.#effects.push({ type: 'check' })
  }

  #refuse(epoch: number, reason: string): void {
    this.#effects.push({ type: 'refuse', epoch, reason })
  }

  #become(to: AgentPhase, reason: string): void {
    this.#effects.push({ type: 'phase', from: this.#phase, to, epoch: this.#epochSeen, reason })
    this.#phase = to
  }
}
