/** What the parent and its workers say to one another over their channel. Both are of one version: one is started by the other. */
import type { Decision, FirstAnswer, Report } from '../../heartbeat-receiver/protocol.ts'
import type { BalancerOptions } from '../config.ts'
import type { BalancerErrorCode } from '../errors.ts'
import type { Counted } from '../figures.ts'
import type { LaneSettings } from '../lane-settings.ts'
import type { Member } from '../membership.ts'
import type { MetricsAsJson } from '../metrics.ts'

/** What all workers see alike. */
export interface View {
  /** Undefined before the first. */
  readonly decision: Decision | undefined
  /** Whom requests may be sent to. */
  readonly members: readonly Member[]
  readonly settings: LaneSettings
}

export type ToWorker =
  /** The first message. `port` is 0 for the very first worker, if any will do. */
  | { type: 'begin'; name: string; options: BalancerOptions; port: number; view: View }
  /** What of the view is new. */
  | { type: 'view'; view: Partial<View> }
  | { type: 'count'; id: number }
  | { type: 'tally' }
  | { type: 'ping' }
  /** End in order. */
  | { type: 'stop' }

export type FromWorker =
  | { type: 'listening'; port: number }
  /** It cannot start; said before it ends. */
  | { type: 'refused'; code: BalancerErrorCode; message: string }
  | { type: 'report'; report: Omit<Report, 'type'> }
  | { type: 'seen'; epoch: number }
  | { type: 'first-answer'; answer: FirstAnswer }
  /** What it counted since its start, when it is asked. */
  | { type: 'tally'; counted: Counted }
  | { type: 'counted'; id: number; metrics: MetricsAsJson }
  | { type: 'pong' }
