/** A worker's side of the channel: what the parent tells of decisions and members, and what it is told. */
import { EventEmitter } from 'node:events'
import type { Decision, FirstAnswer, Report } from '../../heartbeat-receiver/protocol.ts'
import type { LaneSettings } from '../lane-settings.ts'
import { type Member, Membership } from '../membership.ts'
import type { DecisionFollower } from '../replay-lane.ts'
import type { FromWorker, View } from './messages.ts'

interface LinkEvents {
  decision: [decision: Decision]
  settings: [settings: LaneSettings]
}

/** Follows the parent as the parent follows the receivers. */
export class ParentLink extends EventEmitter<LinkEvents> implements DecisionFollower {
  readonly membership = new Membership()
  readonly #tell: (message: FromWorker) => void
  #decision: Decision | undefined

  /** @param view as it is when the worker begins */
  constructor(view: View, tell: (message: FromWorker) => void) {
    super()
    this.#tell = tell
    this.#decision = view.decision
    this.membership.heard(view.members)
  }

  /** What is new. */
  see({ decision, members, settings }: Partial<View>): void {
    if (members) this.membership.heard(members satisfies readonly Member[])
    if (settings) this.emit('settings', settings)
    if (!decision || decision.epoch <= (this.#decision?.epoch ?? 0)) return
    this.#decision = decision
    this.emit('decision', decision)
  }

  decision(): Decision | undefined {
    return this.#decision
  }

  report(report: Omit<Report, 'type'>): void {
    this.#tell({ type: 'report', report })
  }

  seen(epoch: number): void {
    this.#tell({ type: 'seen', epoch })
  }

  firstAnswer(answer: FirstAnswer): void {
    this.#tell({ type: 'first-answer', answer })
  }
}
