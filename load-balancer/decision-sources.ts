/** Who is active, by all that tell: the receivers, and the journal of their decisions while none of them is heard. The highest epoch wins. */
import { EventEmitter } from 'node:events'
import type { Time } from '../checkpoint/time.ts'
import type { Decision, Figures, FirstAnswer, Report } from '../heartbeat-receiver/protocol.ts'
import type { MemberSource } from './control.ts'
import type { FiguresTaker } from './figures-teller.ts'
import type { HeardMember } from './membership.ts'
import type { DecisionFollower } from './replay-lane.ts'

/** What is needed of whoever follows the receivers. */
export type ReceiverFollower = DecisionFollower &
  FiguresTaker &
  MemberSource & {
    /** True while at least one receiver is heard. */
    readonly connected: boolean
    close(): void
  }

/** What is needed of whoever reads the journal of decisions. */
export interface ReadsDecisions {
  begin(): void
  rest(): void
  close(): Promise<void>
}

export interface DecisionSourcesOptions {
  receivers: ReceiverFollower
  /** Makes the reader of the journal, which tells `read` what it finds. */
  journal: (read: (decision: Decision) => void) => ReadsDecisions
  time: Time
}

interface SourceEvents {
  decision: [decision: Decision]
  members: [members: readonly HeardMember[]]
}

/** So often it is looked whether a receiver is heard, milliseconds. */
const lookMs = 100
/** The journal is read once no receiver was heard for so long, milliseconds: a receiver that starts again is back sooner than a Kafka consumer has begun. */
export const unheardMs = 500

export class DecisionSources extends EventEmitter<SourceEvents> implements ReceiverFollower {
  readonly #receivers: ReceiverFollower
  readonly #journal: ReadsDecisions
  readonly #time: Time
  readonly #stopLooking: () => void
  readonly #decisions = new Map<number, Decision>()
  #heardAtMs: number

  constructor({ receivers, journal, time }: DecisionSourcesOptions) {
    super()
    this.#receivers = receivers
    this.#time = time
    this.#heardAtMs = time.now()
    this.#journal = journal((decision) => this.#read(decision))
    receivers.on('decision', (decision) => this.#take(decision))
    receivers.on('members', (members) => this.emit('members', members))
    const known = receivers.decision()
    if (known) this.#take(known)
    this.#stopLooking = time.every(lookMs, () => this.#look())
  }

  get connected(): boolean {
    return this.#receivers.connected
  }

  decision(shard = 0): Decision | undefined {
    return this.#decisions.get(shard)
  }

  members(): readonly HeardMember[] {
    return this.#receivers.members()
  }

  report(report: Omit<Report, 'type'>): void {
    this.#receivers.report(report)
  }

  seen(epoch: number): void {
    this.#receivers.seen(epoch)
  }

  firstAnswer(answer: FirstAnswer): void {
    this.#receivers.firstAnswer(answer)
  }

  figures(figures: Figures): void {
    this.#receivers.figures(figures)
  }

  /** Ends it; what is read of the journal ends by itself soon after. */
  close(): void {
    this.#stopLooking()
    this.#receivers.close()
    void this.#journal.close()
  }

  #look(): void {
    const nowMs = this.#time.now()
    if (this.#receivers.connected) {
      this.#heardAtMs = nowMs
      this.#journal.rest()
    } else if (nowMs - this.#heardAtMs >= unheardMs) {
      this.#journal.begin()
    }
  }

  /** Found in the journal: receivers that come back are told, in case they know less. */
  #read(decision: Decision): void {
    if (this.#take(decision)) this.#receivers.seen(decision.epoch)
  }

  #take(decision: Decision): boolean {
    const known = this.#decisions.get(decision.shard)
    if (known && decision.epoch <= known.epoch) return false
    this.#decisions.set(decision.shard, decision)
    this.emit('decision', decision)
    return true
  }
}
