/**
 * One replica of a shard: a standby that folds the journal, and, when told to lead, the writer. A pure state machine: events are
 * method calls, effects are returned by {@link Replica.takeEffects}. It has no clock, socket or random source; the shell is
 * `checkpoint.ts`, and the simulation runs this very class.
 *
 * - **Group commit.** One append in flight; what arrives meanwhile is the next group.
 * - **Ack rule.** A group is answered when its commit is durable and known valid: at once if its offset is the next one after the last
 *   record read, else after reading what came between.
 * - **Settle.** An append whose outcome is unknown may still land later. The writer never just retries: it claims `[epoch, attempt + 1]`,
 *   which voids what lands after it, and reads up to that claim. What landed before is valid and answered; the rest is appended again.
 * - **Fenced.** A valid claim of another takes all speculation back and rejects what was not acknowledged. That is safe to replay
 *   elsewhere: all that is valid of ours was read before the claim, the rest is void for ever.
 * - **Reads.** What a read saw must be durable and valid before it is answered, and it must be proven that nobody else had begun to reign
 *   when it ran. Without a lease the proof is a commit appended after it ran, shared by all that wait for one. Under a lease the proof is
 *   the lease, so a read waits only for the changes before it, and for nothing if there are none. A lease counts while `active` alone:
 *   then the own claim was read as valid, and no append is in doubt.
 */
import { CheckpointError } from './errors.ts'
import { Fold, type FoldState } from './fold.ts'
import { Lease } from './lease.ts'
import {
  type Claim,
  type Commit,
  compareReigns,
  decodeEntry,
  type Encoded,
  type Entry,
  encodeClaim,
  encodeCommit,
  type Marks,
  type Reign,
  recordVersion,
} from './record.ts'
import type { Moment } from './staleness.ts'
import type { Store, Undo } from './store.ts'

export type ReplicaPhase = 'standby' | 'claiming' | 'active' | 'settling'

/** Something that waits for its place in the log: a transaction, or a read (`encoded` null) that waits for all before it. */
export interface Ticket {
  /** The transaction as it will be journaled, or null if there is nothing to journal. */
  readonly encoded: Encoded | null
  readonly undo: Undo | null
}

/**
 * How a read that ran just now comes to its answer: `at-once`, it saw nothing but what is durable and valid; `rides`, with the last changes that
 * it saw; `barrier`, with a commit that is appended later.
 */
export type ReadWay = 'at-once' | 'rides' | 'barrier'

export type Effect =
  | {
      readonly type: 'append'
      readonly token: number
      readonly value: Uint8Array
      readonly deadlineMs: number
      readonly delayMs: number
    }
  /** Durable and valid: may be answered, in this order. `tookMs` is the time since their append. */
  | { readonly type: 'answer'; readonly tickets: readonly Ticket[]; readonly tookMs: number }
  /** Certainly not applied, and never will be. */
  | { readonly type: 'reject'; readonly tickets: readonly Ticket[] }
  /** May or may not be applied. */
  | { readonly type: 'abandon'; readonly tickets: readonly Ticket[] }
  | { readonly type: 'phase'; readonly from: ReplicaPhase; readonly to: ReplicaPhase; readonly reason: string }
  | { readonly type: 'fenced'; readonly reign: Reign; readonly by: Claim }
  /** A gap in what was read: read again from this offset. */
  | { readonly type: 'reread'; readonly from: number }

export interface ReplicaLimits {
  /** Most bytes of transactions in one group: below the broker's `max.message.bytes` with room for the envelope. */
  readonly groupBytesMax: number
  /** First deadline of an append, milliseconds; doubled at each failure. */
  readonly appendDeadlineMs: number
  /** Highest deadline, milliseconds: without growth a slow Kafka would make endless claims. */
  readonly appendDeadlineMaxMs: number
  /** First pause before a claim that follows a failed append, milliseconds; doubled at each failure. */
  readonly settleDelayMs: number
  readonly settleDelayMaxMs: number
}

interface InFlight {
  readonly token: number
  readonly entry: Entry
  readonly value: Uint8Array
  readonly sentAtMs: number
  /** The group of a commit; null for a claim. */
  readonly group: Ticket[] | null
  /** True for a commit that holds transactions, which reads may ride with. */
  readonly changes: boolean
  /** The offset that the journal answered, while what came between is being read. */
  answeredOffset: number | null
  answeredAtMs: number
}

/** A group whose append was given up on: it may have landed, or may still. */
interface Unsure {
  readonly group: Ticket[]
  readonly reign: Reign
  readonly sentAtMs: number
}

export interface ReplicaOptions {
  readonly incarnation: string
  readonly node: string
  /** Where the node can be reached; asked for at each claim. */
  readonly url: () => string
  readonly store: Store
  readonly limits: ReplicaLimits
}

export class Replica {
  /** Leave to read from memory, as it was granted. */
  readonly lease = new Lease()
  readonly #options: ReplicaOptions
  #fold = new Fold()
  #effects: Effect[] = []
  #phase: ReplicaPhase = 'standby'
  #reign: Reign = [0, 0]
  #epochWanted = 0
  #queue: Ticket[] = []
  #queueBytes = 0
  #inFlight: InFlight | null = null
  #unsure: Unsure | null = null
  #unsettledSinceMs: number | null = null
  #tokens = 0
  #failures = 0
  /** Journal time runs from the claim on with the writer's own clock. */
  #claimed = { at: 0, nowMs: 0 }

  constructor(options: ReplicaOptions) {
    this.#options = options
  }

  get phase(): ReplicaPhase {
    return this.#phase
  }
  /** Own reign; `[0, 0]` if it never claimed. */
  get reign(): Reign {
    return this.#reign
  }
  get foldState(): FoldState {
    return this.#fold.state
  }
  /** The record before the next one to read, if it was read here. */
  get lastValue(): Uint8Array | null {
    return this.#fold.lastValue
  }
  get queued(): number {
    return this.#queue.length + (this.#inFlight?.group?.length ?? 0) + (this.#unsure?.group.length ?? 0)
  }
  get queuedBytes(): number {
    return this.#queueBytes
  }

  /** True if what is queued could be appended now: it leads, and no append is on its way. */
  get mayAppend(): boolean {
    return this.#phase === 'active' && this.#inFlight === null
  }

  /** The offset that the journal answered to an append, while what stands before it is not read yet; null if there is none. */
  get awaited(): number | null {
    return this.#inFlight?.answeredOffset ?? null
  }

  /** True if what is in the journal is news: only a writer whose every append came next knows it all. */
  get needsReading(): boolean {
    return this.#phase !== 'active' || this.awaited !== null
  }

  /** Everything that is not answered yet, in log order. */
  *waiting(): Iterable<Ticket> {
    yield* this.#unsure?.group ?? []
    yield* this.#inFlight?.group ?? []
    yield* this.#queue
  }

  /** Age of the oldest append whose outcome is unknown, milliseconds; 0 if none. */
  unsettledMs(nowMs: number): number {
    const since = this.#unsettledSinceMs ?? this.#inFlight?.sentAtMs
    return since === undefined ? 0 : nowMs - since
  }

  /** The effects since the last call, in the order in which they must happen. */
  takeEffects(): readonly Effect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** Goes on from the state of a snapshot: the store holds what it copied, and reading begins at `state.offset`. Only of a standby. */
  restore(state: FoldState): void {
    if (this.#phase !== 'standby') throw new Error('assertion: only a standby is restored')
    this.#fold = new Fold(state)
  }

  /**
   * Begins a reign, unless the journal or an own claim already shows one as high. False if it is too late.
   * @throws CheckpointError OPTIONS_WRONG for what is no number of a reign: nobody could read its claim.
   */
  lead(epoch: number, nowMs: number): boolean {
    if (!Number.isSafeInteger(epoch))
      throw new CheckpointError('OPTIONS_WRONG', `an epoch is a whole number; this is ${epoch}`)
    if (epoch <= this.#reign[0] || epoch <= this.#fold.state.reign[0] || epoch <= this.#epochWanted) return false
    this.#epochWanted = epoch
    if (this.#inFlight?.group) return true // begins when the append is settled: one in flight
    this.#claimEpochWanted(nowMs, `named for epoch ${epoch}`)
    return true
  }

  /** True if reads may be answered from memory now. */
  leased(now: Moment): boolean {
    return this.#phase === 'active' && this.lease.holds(now, this.#reign[0])
  }

  /** How a read that ran at this moment, or later without a pause between, comes to its answer. */
  wayOfRead(now: Moment): ReadWay {
    if (!this.leased(now)) return 'barrier'
    return this.#queueBytes > 0 || this.#inFlight?.changes ? 'rides' : 'at-once'
  }

  /**
   * Queues a ticket for the next group; one that `rides` joins the changes before it. To be called only while `phase` is `active` or `settling`,
   * and to ride at once after {@link Replica.wayOfRead} said so.
   */
  submit(ticket: Ticket, way: 'rides' | 'barrier' = 'barrier'): void {
    if (this.#phase !== 'active' && this.#phase !== 'settling')
      throw new Error('assertion: submit on a replica that does not lead')
    if (way === 'rides' && this.#queueBytes === 0) {
      this.#inFlight!.group!.push(ticket) // its record is on its way as it is: this one is in no record
      return
    }
    this.#queue.push(ticket)
    this.#queueBytes += bytesOf(ticket)
  }

  /** Appends the next group, if there is one and nothing is in flight. */
  flush(nowMs: number): void {
    if (!this.mayAppend || this.#queue.length === 0) return
    const at = this.#claimed.at + Math.max(0, Math.round(nowMs - this.#claimed.nowMs))
    const marks = this.#options.store.remembered.expired(at)
    if (marks) this.#enqueueFirst([controlTicket(this.#options.store, marks)])
    const group = this.#cutGroup()
    const header = {
      type: 'commit',
      version: recordVersion,
      reign: this.#reign,
      incarnation: this.#options.incarnation,
      at,
      digest: this.#fold.state.digest,
    } as const
    const transactions: Encoded[] = []
    for (const { encoded } of group) if (encoded !== null) transactions.push(encoded)
    const value = encodeCommit(header, transactions)
    this.#append({ ...header, transactions: [] }, value, { group, changes: transactions.length > 0 }, nowMs)
  }

  /** An append was acknowledged with this offset. */
  appended(token: number, offset: number, nowMs: number): void {
    const sent = this.#inFlight
    if (!sent || sent.token !== token) return
    const expected = this.#fold.state.offset
    if (offset < expected) {
      this.#settle(nowMs, `the journal answered offset ${offset}, and ${expected} was the lowest possible`)
    } else if (offset === expected) {
      this.#foldOne(sent.entry, sent.value, nowMs)
    } else {
      sent.answeredAtMs = nowMs
      sent.answeredOffset = offset // something came between: the tail reads it, and then this record
    }
  }

  /** An append failed or missed its deadline: its outcome is unknown. */
  appendFailed(token: number, nowMs: number, reason: string): void {
    if (this.#inFlight?.token === token) this.#settle(nowMs, reason)
  }

  /** The journal was seen to end at `end`: an append that was answered and is still not there was lost since. */
  ended(end: number, nowMs: number): void {
    const answered = this.awaited
    if (answered === null || end > answered) return
    if (nowMs - this.#inFlight!.answeredAtMs < this.#options.limits.appendDeadlineMaxMs) return // the look may be older than the answer
    this.#settle(nowMs, `the journal answered offset ${answered}, and it ends at ${end}`)
  }

  /**
   * A record was read.
   * @throws CheckpointError JOURNAL_UNREADABLE, HISTORY_DIVERGED: this replica must not go on.
   */
  read(offset: number, value: Uint8Array, nowMs: number): void {
    const expected = this.#fold.state.offset
    if (offset < expected) return
    if (offset > expected) {
      this.#effects.push({ type: 'reread', from: expected })
      return
    }
    const sent = this.#inFlight
    const known = sent !== null && sameBytes(sent.value, value) // spares decoding what was just encoded
    this.#foldOne(known ? sent.entry : decodeEntry(value, offset), value, nowMs)
    const answered = this.awaited
    if (answered !== null && answered < this.#fold.state.offset) {
      this.#settle(nowMs, `the journal answered offset ${answered}, and another record stands there`)
    }
  }

  /** Gives up leading, for an orderly stop: what was not answered is abandoned, and an append in flight left to its fate. */
  resign(reason: string): void {
    this.#stepDown(reason, 'abandon')
  }

  #foldOne(entry: Entry, value: Uint8Array, nowMs: number): void {
    const verdict = this.#fold.judge(entry, value)
    const own = entry.incarnation === this.#options.incarnation
    if (!verdict.valid) {
      if (own && entry.type === 'claim' && this.#isInFlight(entry)) this.#stepDown(`its claim was void: ${verdict.why}`)
      return
    }
    if (entry.type === 'claim') {
      if (!own) this.#foreignClaim(entry, nowMs)
      else if (this.#isInFlight(entry)) this.#reignBegins(entry, nowMs)
    } else if (own) this.#ownCommit(entry, nowMs)
    else for (const transaction of entry.transactions) this.#options.store.apply(transaction, entry.at)
  }

  #isInFlight(entry: Entry): boolean {
    const sent = this.#inFlight?.entry
    return sent !== undefined && sent.type === entry.type && compareReigns(sent.reign, entry.reign) === 0
  }

  #reignBegins(claim: Claim, nowMs: number): void {
    this.#inFlight = null
    this.#claimed = { at: this.#fold.state.at, nowMs } // not the claim's own: its author may have lagged
    if (this.#unsure) this.#enqueueFirst(this.#unsure.group)
    this.#unsure = null
    this.#unsettledSinceMs = null
    this.#become('active', `claim ${claim.reign.join('.')} is valid`)
    this.#claimEpochWanted(nowMs, `named for epoch ${this.#epochWanted}`)
    this.flush(nowMs)
  }

  #ownCommit(commit: Commit, nowMs: number): void {
    const inFlight = this.#isInFlight(commit)
    const unsure = this.#unsure && compareReigns(this.#unsure.reign, commit.reign) === 0
    const sent = inFlight ? this.#inFlight : unsure ? this.#unsure : null
    const group = sent?.group
    if (!group) {
      // Left to its fate by resign, and it landed.
      for (const transaction of commit.transactions) this.#options.store.apply(transaction, commit.at)
      return
    }
    if (inFlight) this.#inFlight = null
    else this.#unsure = null
    if (inFlight) this.#failures = 0 // not at a claim: a small record that lands in time proves nothing of a large one
    for (const { undo } of group) if (undo) this.#options.store.settle(undo, commit.at)
    this.#effects.push({ type: 'answer', tickets: group, tookMs: nowMs - sent.sentAtMs })
    if (!inFlight) return
    this.#claimEpochWanted(nowMs, `named for epoch ${this.#epochWanted}`)
    this.flush(nowMs)
  }

  #foreignClaim(claim: Claim, nowMs: number): void {
    if (this.#phase === 'standby') return
    const outbids = compareReigns(this.#reign, claim.reign) > 0 && this.#inFlight?.group === null
    this.#dropSpeculation('reject')
    if (outbids) {
      this.#become('claiming', `another claimed ${claim.reign.join('.')} first`)
      return
    }
    this.#effects.push({ type: 'fenced', reign: this.#reign, by: claim })
    this.#stepDown(`fenced by ${claim.node} with reign ${claim.reign.join('.')}`)
    if (this.#epochWanted > claim.reign[0]) this.#claimEpochWanted(nowMs, `named for epoch ${this.#epochWanted}`)
  }

  #settle(nowMs: number, reason: string): void {
    const sent = this.#inFlight!
    this.#inFlight = null
    this.#failures++
    this.#unsettledSinceMs ??= sent.sentAtMs
    if (sent.group) this.#unsure = { group: sent.group, reign: sent.entry.reign, sentAtMs: sent.sentAtMs }
    const epoch = Math.max(this.#epochWanted, this.#reign[0])
    this.#claim(epoch === this.#reign[0] ? [epoch, this.#reign[1] + 1] : [epoch, 0], nowMs)
    if (this.#phase === 'active') this.#become('settling', reason)
  }

  #claimEpochWanted(nowMs: number, reason: string): void {
    if (this.#epochWanted <= this.#reign[0]) return
    this.#inFlight = null // only ever a claim: a lower one of ours that lands later is void or soon outbid
    this.#claim([this.#epochWanted, 0], nowMs)
    if (this.#phase === 'standby') this.#become('claiming', reason)
    else if (this.#phase === 'active') this.#become('settling', reason)
  }

  #claim(reign: Reign, nowMs: number): void {
    this.#reign = reign
    const { incarnation, node, url } = this.#options
    const { at, offset, digest } = this.#fold.state
    const claim: Claim = {
      type: 'claim',
      version: recordVersion,
      reign,
      incarnation,
      node,
      url: url(),
      at,
      through: offset,
      digest,
    }
    this.#append(claim, encodeClaim(claim), { group: null, changes: false }, nowMs)
  }

  #append(entry: Entry, value: Uint8Array, of: Pick<InFlight, 'group' | 'changes'>, nowMs: number): void {
    const { appendDeadlineMs, appendDeadlineMaxMs, settleDelayMs, settleDelayMaxMs } = this.#options.limits
    const token = ++this.#tokens
    const doubled = 2 ** Math.min(this.#failures, 20)
    this.#inFlight = { token, entry, value, ...of, sentAtMs: nowMs, answeredOffset: null, answeredAtMs: 0 }
    this.#effects.push({
      type: 'append',
      token,
      value,
      deadlineMs: Math.min(appendDeadlineMs * doubled, appendDeadlineMaxMs),
      delayMs: this.#failures === 0 || of.group ? 0 : Math.min((settleDelayMs * doubled) / 2, settleDelayMaxMs),
    })
  }

  #cutGroup(): Ticket[] {
    let count = 0
    let bytes = 0
    for (const ticket of this.#queue) {
      bytes += bytesOf(ticket)
      if (count > 0 && bytes > this.#options.limits.groupBytesMax) break
      count++
    }
    const group = count === this.#queue.length ? this.#queue : this.#queue.slice(0, count)
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count)
    for (const ticket of group) this.#queueBytes -= bytesOf(ticket)
    return group
  }

  #enqueueFirst(tickets: readonly Ticket[]): void {
    this.#queue = [...tickets, ...this.#queue]
    for (const ticket of tickets) this.#queueBytes += bytesOf(ticket)
  }

  /** Takes back all that is not known valid, newest first. */
  #dropSpeculation(fate: 'reject' | 'abandon'): void {
    const tickets = [...this.waiting()]
    for (let index = tickets.length - 1; index >= 0; index--) {
      const undo = tickets[index]!.undo
      if (undo) this.#options.store.undo(undo)
    }
    this.#unsure = null
    if (this.#inFlight?.group) this.#inFlight = null
    this.#queue = []
    this.#queueBytes = 0
    if (tickets.length > 0) this.#effects.push({ type: fate, tickets })
  }

  #stepDown(reason: string, fate: 'reject' | 'abandon' = 'reject'): void {
    this.#dropSpeculation(fate)
    this.#inFlight = null
    this.#failures = 0
    this.#unsettledSinceMs = null
    this.#become('standby', reason)
  }

  #become(to: ReplicaPhase, reason: string): void {
    const from = this.#phase
    if (from === to) return
    this.#phase = to
    this.#effects.push({ type: 'phase', from, to, reason })
  }
}

function controlTicket(store: Store, marks: Marks): Ticket {
  return { encoded: store.encode(marks, null, []), undo: { steps: [], marks } }
}

function bytesOf({ encoded }: Ticket): number {
  return encoded === null ? 0 : encoded.end - encoded.start
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && Buffer.compare(left, right) === 0
}
