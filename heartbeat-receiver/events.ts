/** What goes into the receiver's core and what comes out of it. */
import type { Evidence } from './known-backend.ts'
import type {
  Decision,
  Drained,
  Goodbye,
  HandedOver,
  HandOver,
  Heartbeat,
  Hello,
  Member,
  ReceiverEvent,
  Refuse,
  Report,
  ToBackend,
} from './protocol.ts'

/** How a fresh TCP connection to a backend's own URL went. */
export type ProbeOutcome = 'connected' | 'refused' | 'timed-out' | 'unreachable'

/** Why and when something was decided: for whoever watches, also a receiver that did not decide it. Unix milliseconds of the one that did. */
export interface DecisionStory {
  readonly previous: string | null
  readonly reason: string
  /** Somebody asked for it. */
  readonly planned: boolean
  readonly detectedAtMs: number
  readonly decidedAtMs: number
}

/** What is journaled of a decision: the decision, and what a receiver needs to know of a backend that it never heard itself. */
export type RecordedDecision = Decision & {
  direct: boolean
  /** Missing from what an older version journaled. */
  story?: DecisionStory
  /**
   * No lease is longer that anybody may hold when this is journaled, or gets under it, milliseconds: as whoever leads next may grant shorter
   * ones. Missing from what an older version journaled.
   */
  leaseMs?: number
}

export type Input =
  | { readonly type: 'hello'; readonly connection: number; readonly hello: Hello }
  | { readonly type: 'heartbeat'; readonly connection: number; readonly heartbeat: Heartbeat }
  | { readonly type: 'refuse'; readonly connection: number; readonly refuse: Refuse }
  | { readonly type: 'goodbye'; readonly connection: number; readonly goodbye: Goodbye }
  /** It has given up its lease. */
  | { readonly type: 'yielded'; readonly connection: number; readonly epoch: number }
  /** Somebody asks for a planned change of active; `follower` is who is answered. */
  | { readonly type: 'hand-over'; readonly follower: number; readonly request: HandOver }
  /** Somebody asks that a backend is chosen for nothing any more, or again; `asker` is who is answered. */
  | { readonly type: 'drain'; readonly asker: number; readonly name: string; readonly draining: boolean }
  /** A backend's connection ended, in whatever way. */
  | { readonly type: 'closed'; readonly connection: number }
  /** A follower said which epochs exist. */
  | { readonly type: 'seen'; readonly epoch: number }
  /** A balancer's new connection to a backend was refused or timed out. */
  | { readonly type: 'report'; readonly by: string; readonly report: Report }
  | { readonly type: 'probed'; readonly incarnation: string; readonly outcome: ProbeOutcome }
  /**
   * This receiver leads from now on: decisions can be recorded; these are in the journal. Until `leasesUntilMs` anybody may hold a lease that
   * a receiver before granted; missing if there was none.
   */
  | {
      readonly type: 'authorized'
      readonly decisions: readonly RecordedDecision[]
      readonly leasesUntilMs?: number
    }
  /** This receiver's authority was renewed: it may decide and grant leases until then. Before the first it may not. */
  | { readonly type: 'authority'; readonly untilMs: number }
  /** Another receiver leads, or none: this one decides nothing from now on. */
  | { readonly type: 'deauthorized' }
  /** A receiver that does not lead has read these decisions in the journal. */
  | { readonly type: 'followed'; readonly decisions: readonly RecordedDecision[] }
  /** The decision of this epoch is durable. */
  | { readonly type: 'recorded'; readonly epoch: number }
  /** The decision of this epoch was not recorded, as far as is known. */
  | { readonly type: 'record-failed'; readonly epoch: number }
  /** Time passes. Expected every {@link tickMs}, and only after all that has arrived by then was taken. */
  | { readonly type: 'tick' }

/** How often the core wants to be ticked, milliseconds: a silence is judged at most so much late. */
export const tickMs = 10

export type Effect =
  | { readonly type: 'send'; readonly connection: number; readonly message: ToBackend }
  | { readonly type: 'close'; readonly connection: number; readonly code: number; readonly reason: string }
  | { readonly type: 'probe'; readonly incarnation: string; readonly url: string }
  /** Make it durable, then say `recorded`. One at a time; again if it failed. What comes before it in the list need not wait for it. */
  | { readonly type: 'record'; readonly decision: RecordedDecision; readonly reason: string }
  /**
   * For whoever watches; a `decided` is for the followers too. `quiet`: for the board alone, as another receiver tells it, or it is old.
   */
  | { readonly type: 'publish'; readonly event: ReceiverEvent; readonly evidence?: Evidence; readonly quiet?: true }
  /** For the followers: what has changed in the list of members. */
  | ({ readonly type: 'members-changed' } & MemberChanges)
  /** The followers may take the list of members for the whole one from now on: tell them all of it. */
  | { readonly type: 'members-whole' }
  /** For the person at the terminal. `quiet`: for the board alone, as the receiver that leads tells the person. */
  | { readonly type: 'crashed'; readonly crash: Crash; readonly quiet?: true }
  /** A decision is needed and nobody can be named. */
  | {
      readonly type: 'vacant'
      readonly epoch: number
      readonly reason: string
      /** Who will be able to lead, and how far its start is; null if it does not say. */
      readonly starting: readonly { readonly name: string; readonly ratio: number | null }[]
    }
  /** The answer to `hand-over`. */
  | { readonly type: 'handed-over'; readonly follower: number; readonly result: HandedOver }
  /** The answer to `drain`. */
  | { readonly type: 'drained'; readonly asker: number; readonly result: Drained }
  /** The named backend leads: how long it took since the first evidence. */
  | { readonly type: 'failed-over'; readonly epoch: number; readonly tookMs: number }

export interface MemberChanges {
  /** Joined, or not as they were told before. */
  readonly members: readonly Member[]
  /** Names that are no members any more. */
  readonly left: readonly string[]
}

export interface Crash {
  readonly name: string
  readonly incarnation: string
  readonly reason: string
  /** True if it is certain that the process is no more, and not only out of reach. */
  readonly proven: boolean
  /** What it printed last, if anybody read that. */
  readonly lastLines: readonly string[]
  /** Who leads now, and whether that was decided because of this crash; null if nobody can. */
  readonly leader: { readonly name: string; readonly epoch: number; readonly decided: boolean } | null
  /** From the first evidence to here, milliseconds. */
  readonly tookMs: number
}
