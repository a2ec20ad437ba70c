/**
 * Which of several receivers decides: when this one is to claim the journal of decisions, when it is to renew, and how long its authority
 * stands. Pure; `authority.ts` carries out what {@link Leadership.next} asks for. The rules:
 *
 * - **Leadership** is the reign of a receiver in the journal of decisions: it begins with its claim and ends with the next one's.
 * - **Authority** is its leave to decide and to grant leases, itself a lease (Gray and Cheriton, SOSP 1989). It counts from the *sending* of an
 *   own record that is known valid, for {@link authorityMs} less a margin for drift; elapsed is the larger of what the monotonic and the wall
 *   clock say. There is none before the first renewal. A leader that cannot renew loses its authority and not its leadership.
 * - **Never two authorities.** A record that was read was sent before, so {@link authorityMs} after the last record of another was *read*, its
 *   authority is over, however late the journal brought it. Authority begins only then, whatever led to the claim; at once after a
 *   leader that is proven dead.
 * - **To claim.** At once if the journal names nobody, or its leader's process is proven dead: a fresh connection to its URL was refused, or
 *   another incarnation answers where it was heard, or this one listens there itself. Else when no record was seen for {@link authorityMs} and a
 *   jitter, unless its link says that it lives and leads: then after {@link standstillMs}. A claim is always safe: the journal fences the
 *   other, and what is above waits for its authority. All this keeps it from being a nuisance.
 * - **Leases of others.** Whoever led before may have granted leases up to the end of its authority, each for as long as its decision says.
 */
import { countedByHolderMs } from '../checkpoint/lease.ts'
import { elapsedMs, type Moment } from '../checkpoint/staleness.ts'
import type { ProbeOutcome } from './events.ts'
import { isWithinReach, machineOf, placeOf } from './receiver-address.ts'

/**
 * How long a receiver may decide after a record of its own, milliseconds: as long as backends may be silent at the default interval. The same
 * for every receiver, whatever its own interval, and since the first version: each waits for that of the others.
 */
export const authorityMs = 200
/** How often a leading receiver writes a record, milliseconds: three may be late before its authority ends. */
export const renewalMs = 50
/** So much longer, at random, a receiver waits before it claims, milliseconds: so that of several one is the first. */
export const claimJitterMs = 100
/**
 * A leader whose journal stands still while its link says that it lives is replaced after so long, milliseconds: longer than a journal that
 * answers nobody passes for one that can be read (2 s since a look, one every 500 ms), or an outage of Kafka would change the leader.
 */
export const standstillMs = 3_000
/** After so long without a record the leader's URL is tried, and again after each {@link probePauseMs}, milliseconds. */
const probeAfterMs = 100
const probePauseMs = 500
/** A link that brought nothing for so long does not say that the leader lives, milliseconds. */
const linkSilentMs = 200
/** A tick that comes so late was held up: others' records may wait to be read, milliseconds. */
const stallMs = 100

/** Who claimed the journal last. */
export interface Leader {
  readonly incarnation: string
  readonly node: string
  /** As in `receiver-address.ts`; empty if it cannot be dialled. */
  readonly url: string
}

interface Rival extends Leader {
  /** When its last record was read. It was sent before. */
  readAtMs: number
  /** When its link last said that it leads. */
  heardAtMs: number
  death: { readonly atMs: number; readonly reason: string } | null
}

type State =
  | { readonly name: 'starting' }
  | { readonly name: 'following' }
  | { readonly name: 'claiming' }
  | {
      readonly name: 'leading'
      readonly sinceMs: number
      readonly authorityFromMs: number
      readonly leasesUntilMs: number
      /** When the newest own record was sent that is known valid. */
      renewedAt: Moment | null
      renewing: boolean
      sentAtMs: number
    }

/** What is to be done now. */
export type Action =
  | { readonly type: 'claim'; readonly reason: string }
  /** Write a record, and tell `renewed` or `notRenewed`. */
  | { readonly type: 'renew' }
  /** Ask with a fresh connection whether the leader is there, and tell `probed`. */
  | { readonly type: 'probe'; readonly leader: Leader }

export interface LeadershipOptions {
  readonly incarnation: string
  /** Own URL as it is claimed, once it is known. */
  readonly url: () => string
  /** From 0 to 1. */
  readonly random: () => number
}

export class Leadership {
  readonly #options: LeadershipOptions
  #state: State = { name: 'starting' }
  #rival: Rival | null = null
  /** Until when any leader before the rival may have had authority, and granted leases: one that is dead granted none any more. */
  #before = { authorityUntilMs: Number.NEGATIVE_INFINITY, grantedUntilMs: Number.NEGATIVE_INFINITY }
  /** Since when no record was seen, not counting the time in which this process stood still. */
  #quietSinceMs = 0
  #jitterMs = 0
  #tickedAtMs: number | null = null
  #probing = false
  #probeWanted = false
  #probedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: LeadershipOptions) {
    this.#options = options
  }

  /** True from its claim to the next one's. */
  get leads(): boolean {
    return this.#state.name === 'leading'
  }

  /** True once the journal was read. */
  get follows(): boolean {
    return this.#state.name === 'following' || this.#state.name === 'claiming'
  }

  /** Who leads as far as the journal shows, if it is not this one. */
  get leader(): Leader | null {
    return this.leads ? null : this.#rival
  }

  /** Until when anybody may hold a lease that another granted, monotonic milliseconds; in the past if nobody does. Of one that leads. */
  get leasesUntilMs(): number {
    return this.#state.name === 'leading' ? this.#state.leasesUntilMs : Number.POSITIVE_INFINITY
  }

  /** Until when this receiver may decide and grant leases, monotonic milliseconds; null if it may not now. */
  authorityUntilMs(now: Moment): number | null {
    const state = this.#state
    if (state.name !== 'leading' || state.renewedAt === null || now.monotonicMs < state.authorityFromMs) return null
    const leftMs = countedByHolderMs(authorityMs) - elapsedMs(state.renewedAt, now)
    return leftMs > 0 ? now.monotonicMs + leftMs : null
  }

  /** A valid record of another was read, of whoever the journal shows to lead. */
  read({ incarnation, node, url }: Leader, nowMs: number): void {
    this.#quietSinceMs = nowMs
    if (this.#rival?.incarnation === incarnation) {
      this.#rival.readAtMs = nowMs
      return
    }
    this.#supersede()
    const rival: Rival = { incarnation, node, url, readAtMs: nowMs, heardAtMs: Number.NEGATIVE_INFINITY, death: null }
    this.#rival = rival
    this.#jitterMs = this.#options.random() * claimJitterMs
    this.#probeWanted = true
    const own = this.#options.url()
    const place = placeOf(url, machineOf(own))
    if (place !== null && place === placeOf(own, machineOf(own)))
      this.#died('this receiver listens where it did', nowMs)
  }

  /**
   * The journal was read to its end. `leader` is whoever it shows; `unseen` if it was restored from a snapshot, so that some who led were
   * not seen.
   */
  caughtUp(leader: Leader | null, unseen: boolean, nowMs: number): void {
    this.#state = { name: 'following' }
    if (leader && leader.incarnation !== this.#options.incarnation) this.read(leader, nowMs)
    if (unseen) this.#note(nowMs + authorityMs)
    this.#quietSinceMs = nowMs
  }

  /** The journal is read again from a snapshot: nothing is known until then. */
  restoring(): void {
    this.#state = { name: 'starting' }
  }

  /** The claim is on its way. */
  claiming(): void {
    this.#state = { name: 'claiming' }
  }

  /** The own claim is known valid. No lease that another granted lasts longer than `leaseMs`. */
  claimed(nowMs: number, leaseMs: number): void {
    this.#supersede()
    const { authorityUntilMs, grantedUntilMs } = this.#before
    this.#state = {
      name: 'leading',
      sinceMs: nowMs,
      authorityFromMs: authorityUntilMs,
      leasesUntilMs: grantedUntilMs + leaseMs,
      renewedAt: null,
      renewing: false,
      sentAtMs: Number.NEGATIVE_INFINITY,
    }
    this.#quietSinceMs = nowMs
  }

  /** The own claim was void, or another's has ended the own leadership. To be told before that other's records are. */
  lost(nowMs: number): void {
    this.#state = { name: 'following' }
    this.#quietSinceMs = nowMs
    this.#jitterMs = this.#options.random() * claimJitterMs
  }

  /** A record is on its way that renews the authority if it turns out valid. */
  renewing(nowMs: number): void {
    if (this.#state.name !== 'leading') return
    this.#state.renewing = true
    this.#state.sentAtMs = nowMs
  }

  /** An own record is known valid that was sent at `sentAt`, by this leadership. */
  renewed(sentAt: Moment): void {
    const state = this.#state
    if (state.name !== 'leading' || sentAt.monotonicMs < state.sinceMs) return
    if (state.renewedAt === null || sentAt.monotonicMs > state.renewedAt.monotonicMs) state.renewedAt = sentAt
  }

  /** The renewal under way has ended, well or not. */
  renewalEnded(): void {
    if (this.#state.name === 'leading') this.#state.renewing = false
  }

  /** A receiver said over its link that it is there, and whether it leads. */
  heard(incarnation: string, leads: boolean, nowMs: number): void {
    if (this.#rival?.incarnation !== incarnation) return
    this.#rival.death = null // whoever speaks is not dead, whatever was refused
    if (leads) this.#rival.heardAtMs = nowMs
  }

  /** The link to a receiver was lost: no proof, but a reason to look. */
  linkLost(incarnation: string): void {
    if (this.#rival?.incarnation !== incarnation) return
    this.#rival.heardAtMs = Number.NEGATIVE_INFINITY
    this.#probeWanted = true
  }

  /** Another incarnation answers over a link that this one answered before. */
  replaced(incarnation: string, nowMs: number): void {
    if (this.#rival?.incarnation === incarnation) this.#died('another answers where it did', nowMs)
  }

  /** How a fresh connection to a leader's URL went. */
  probed(incarnation: string, outcome: ProbeOutcome, nowMs: number): void {
    this.#probing = false
    this.#probedAtMs = nowMs
    if (this.#rival?.incarnation === incarnation && outcome === 'refused') this.#died('a connection was refused', nowMs)
  }

  /** Time passes. A time in which this process stood still counts as nobody's silence. */
  tick(nowMs: number, tickMs: number): void {
    const lateMs = nowMs - (this.#tickedAtMs ?? nowMs) - tickMs
    this.#tickedAtMs = nowMs
    if (lateMs < stallMs) return
    this.#quietSinceMs = Math.min(nowMs, this.#quietSinceMs + lateMs)
    if (this.#rival) this.#rival.heardAtMs = Math.min(nowMs, this.#rival.heardAtMs + lateMs)
  }

  /** What is to be done now; null for nothing. `readable`: the journal can be reached, and nothing is known to be unread. */
  next(nowMs: number, readable: boolean): Action | null {
    const state = this.#state
    if (state.name === 'leading')
      return !state.renewing && nowMs - state.sentAtMs >= renewalMs ? { type: 'renew' } : null
    if (state.name !== 'following') return null
    const reason = readable ? this.#whyClaim(nowMs) : null
    if (reason !== null) return { type: 'claim', reason }
    return this.#probe(nowMs)
  }

  #whyClaim(nowMs: number): string | null {
    const rival = this.#rival
    if (!rival) return 'the journal names no receiver'
    if (rival.death) return `${rival.node} is gone: ${rival.death.reason}`
    const quietMs = nowMs - this.#quietSinceMs
    if (quietMs < authorityMs + this.#jitterMs) return null
    if (nowMs - rival.heardAtMs < linkSilentMs && quietMs < standstillMs) return null
    return `${rival.node} recorded nothing for ${Math.round(quietMs)} ms`
  }

  #probe(nowMs: number): Action | null {
    const rival = this.#rival
    if (!rival || rival.death || this.#probing) return null
    const fresh = this.#probedAtMs < this.#quietSinceMs || nowMs - this.#probedAtMs >= probePauseMs
    const quiet = fresh && nowMs - this.#quietSinceMs >= probeAfterMs
    if (!this.#probeWanted && !quiet) return null
    this.#probeWanted = false
    this.#probing = true
    const { incarnation, node, url } = rival
    return { type: 'probe', leader: { incarnation, node, url } }
  }

  #died(reason: string, nowMs: number): void {
    if (this.#rival && !this.#rival.death) this.#rival.death = { atMs: nowMs, reason }
  }

  /** Nothing more is heard of the rival: what it may have had is noted. */
  #supersede(): void {
    const rival = this.#rival
    this.#rival = null
    if (!rival) return
    const endMs = rival.readAtMs + authorityMs
    if (!rival.death) return this.#note(endMs)
    const before = this.#before
    before.grantedUntilMs = Math.max(before.grantedUntilMs, Math.min(endMs, rival.death.atMs))
  }

  #note(authorityUntilMs: number): void {
    const before = this.#before
    before.authorityUntilMs = Math.max(before.authorityUntilMs, authorityUntilMs)
    before.grantedUntilMs = Math.max(before.grantedUntilMs, authorityUntilMs)
  }
}

/** The URL where a leader is to be tried: that of the link to it, if there is one, or the one it claimed, if that can be dialled from here. */
export function probeUrlOf(leader: Leader, linkUrl: string | undefined, ownUrl: string): string | null {
  return linkUrl ?? (isWithinReach(leader.url, machineOf(ownUrl)) ? leader.url : null)
}
