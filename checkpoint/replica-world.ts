/**
 * A world for testing {@link Replica}: several writers on one log, and a network in which an append may land at any later time, be
 * lost, or land without its answer coming back. Every step is a choice, so a list of numbers is a story and can be shrunk.
 */
import assert from 'node:assert/strict'
import { defaultLimits } from './checkpoint.ts'
import { Fold } from './fold.ts'
import { Granter } from './lease-world.ts'
import { decodeEntry, describeEntry } from './record.ts'
import { type Effect, Replica, type Ticket } from './replica.ts'
import type { Moment } from './staleness.ts'
import { Store } from './store.ts'
import { openingSession, type Submission, submission } from './submission.ts'

interface Described {
  request?: [session: string, number: number, lowestWaiting: number]
  changes?: [map: string, key: string, value: number][]
}

interface Writer {
  incarnation: string
  store: Store
  replica: Replica
}

/** An append that was sent: it may land now, much later, or never. */
interface Sent {
  writer: Writer
  token: number
  value: Uint8Array
}

/** An answer under way. */
interface Answer {
  writer: Writer
  token: number
  offset: number
}

interface Operation {
  number: number
  /** The highest value acknowledged before it began. */
  floor: number
  value: number | null
}

type Waiting = Submission<number> & { operation: Operation; kind: 'increment' | 'read' }

export interface WorldOptions {
  writers: number
  operations: number
  crashes: number
  /** Writers are named by a granter of leases; left out, anyone may be named at any time, and nobody has a lease. */
  leases?: { waits: boolean }
}

export class World {
  readonly log: Uint8Array[] = []
  readonly story: string[] = []
  readonly #options: WorldOptions
  readonly #writers: Writer[] = []
  readonly #sent: Sent[] = []
  readonly #answers: Answer[] = []
  /** Appends whose answer will never come: their deadline will. */
  readonly #unanswered: Sent[] = []
  readonly #operations: Operation[] = []
  /** Reads that are neither answered nor rejected. */
  readonly #reads = new Map<Ticket, Writer>()
  readonly #granter: Granter | null
  #epoch = 0
  #incarnations = 0
  #crashes = 0
  #highest = 0
  #nowMs = 0

  constructor(options: WorldOptions) {
    this.#options = options
    for (let index = 0; index < options.writers; index++) this.#writers.push(this.#freshWriter())
    const [first] = this.#writers as [Writer]
    this.#granter = options.leases ? new Granter(options.leases, first) : null
    first.replica.lead(++this.#epoch, 0)
    this.#settleQuietly()
    first.replica.submit(openingSession(first.store))
    first.replica.flush(0)
    this.#settleQuietly()
  }

  /** Takes a list of steps, and then heals. A failure tells the story that led to it. */
  run(choices: readonly number[]): void {
    try {
      for (const choice of choices) this.step(choice)
      this.heal()
    } catch (cause) {
      throw new Error(`${(cause as Error).message}\n${this.story.join('\n')}`, { cause })
    }
  }

  /** Takes one of the steps that are possible now. */
  step(choice: number): void {
    const all = this.#steps()
    const calm = all.filter(([label]) => !/^(name|time out|crash)/.test(label))
    const steps = choice % 10 < 7 && calm.length > 0 ? calm : all // else hardly a reign lasts long enough to do wrong
    const [label, act] = steps[Math.floor(choice / 10) % steps.length]!
    this.story.push(label)
    this.#nowMs += 1
    act()
    this.#carryOut()
  }

  /** Ends the faults, names one writer anew, asks everything unanswered again, and checks that all comes to rest in one state. */
  heal(): void {
    this.#nowMs += 1_000 // no lease lasts so long
    for (const lost of [...this.#sent.splice(3), ...this.#unanswered.splice(0)]) this.#timeOut(lost)
    this.#carryOut()
    for (const writer of this.#writers) while (writer.replica.foldState.offset < this.log.length) this.#read(writer)
    const leader = this.#writers.at(-1)!
    for (let round = 0; round < 20; round++) {
      if (leader.replica.phase !== 'active') leader.replica.lead(this.#nextEpoch(), this.#nowMs)
      this.#settleQuietly()
      if (leader.replica.phase !== 'active') continue
      for (const operation of this.#operations) if (operation.value === null) this.#increment(leader, operation)
      leader.replica.flush(this.#nowMs)
      this.#settleQuietly()
    }
    assert.equal(leader.replica.phase, 'active', 'the writer named after the faults leads')
    for (const { number, value } of this.#operations)
      assert.notEqual(value, null, `operation ${number} is answered after the faults`)
    assert.equal(this.#reads.size, 0, 'every read of a living writer is answered or rejected')
    this.#checkLog()
    for (const writer of this.#writers)
      assert.deepEqual(sorted(writer.store.snapshot()), sorted(leader.store.snapshot()), 'replicas are equal')
  }

  #steps(): [string, () => void][] {
    const steps: [string, () => void][] = []
    this.#sent.forEach((sent, index) => {
      steps.push([`land ${sent.writer.incarnation}#${sent.token}`, () => this.#land(index, true)])
      steps.push([`land ${sent.writer.incarnation}#${sent.token}, answer lost`, () => this.#land(index, false)])
      steps.push([`time out ${sent.writer.incarnation}#${sent.token}, may land later`, () => this.#timeOut(sent)])
    })
    this.#unanswered.forEach((sent, index) => {
      steps.push([
        `time out ${sent.writer.incarnation}#${sent.token}, landed`,
        () => this.#timeOut(this.#unanswered.splice(index, 1)[0]!),
      ])
    })
    this.#answers.forEach((answer, index) => {
      steps.push([`answer ${answer.writer.incarnation}#${answer.token}=${answer.offset}`, () => this.#answer(index)])
    })
    for (const writer of this.#writers) this.#writerSteps(writer, steps)
    if (this.#granter) {
      for (const writer of this.#writers) steps.push([`${writer.incarnation} gets on`, () => this.#getOn(writer)])
      steps.push(['time passes', () => this.#passTime(10)])
      if (this.#options.leases?.waits) steps.push(['leases run out', () => this.#passTime(70)]) // or nobody else is named
      steps.push(...this.#granter.steps(this.#writers, this.#nowMs, (writer) => this.#clock(writer as Writer)))
    }
    return steps
  }

  #writerSteps(writer: Writer, steps: [string, () => void][]): void {
    const { replica, incarnation } = writer
    if (replica.foldState.offset < this.log.length)
      steps.push([`${incarnation} reads ${replica.foldState.offset}`, () => this.#read(writer)])
    if (!this.#granter) {
      steps.push([`name ${incarnation} for ${this.#epoch + 1}`, () => void replica.lead(++this.#epoch, this.#nowMs)])
      steps.push([`name ${incarnation} for ${this.#epoch} too`, () => void replica.lead(this.#epoch, this.#nowMs)])
    }
    if (replica.phase === 'active' || replica.phase === 'settling') {
      if (this.#operations.length < this.#options.operations) {
        steps.push([
          `increment ${this.#operations.length + 1} at ${incarnation}`,
          () => this.#increment(writer, this.#newOperation()),
        ])
      }
      for (const operation of this.#operations.slice(this.#granter ? -1 : -3)) {
        steps.push([`increment ${operation.number} again at ${incarnation}`, () => this.#increment(writer, operation)])
      }
      steps.push([`read at ${incarnation}`, () => this.#readAt(writer)])
      steps.push([`${incarnation} flushes`, () => replica.flush(this.#nowMs)])
    }
    if (this.#crashes < this.#options.crashes) steps.push([`crash ${incarnation}`, () => this.#crash(writer)])
  }

  #newOperation(): Operation {
    const operation = { number: this.#operations.length + 1, floor: this.#highest, value: null }
    this.#operations.push(operation)
    return operation
  }

  #increment(writer: Writer, operation: Operation): void {
    const lowest = this.#operations.find(({ value }) => value === null)?.number ?? operation.number
    const identity = { request: ['1', operation.number, Math.min(lowest, operation.number)] as const }
    const work = () => {
      const value = ((writer.store.get('counters', 'c') as number | undefined) ?? 0) + 1
      writer.store.set('counters', 'c', value)
      return value
    }
    const made = submission(writer.store, defaultLimits, work, String, identity)
    writer.replica.submit({ ...made, operation, kind: 'increment' } as Waiting)
  }

  #readAt(writer: Writer): void {
    const operation = { number: 0, floor: this.#highest, value: null }
    const read = () => (writer.store.get('counters', 'c') as number | undefined) ?? 0
    const made = submission(writer.store, defaultLimits, read, String)
    const ticket = { ...made, operation, kind: 'read' } as Waiting
    const way = writer.replica.wayOfRead(this.#clock(writer))
    this.#reads.set(ticket, writer)
    this.story.push(`  ${way}`)
    if (way === 'at-once') this.#acknowledge(ticket)
    else writer.replica.submit(ticket, way)
  }

  /** All that is under way of one writer comes to its end; others stand still, and soon one of them is behind. */
  #getOn(writer: Writer): void {
    writer.replica.flush(this.#nowMs)
    for (let busy = true; busy; ) {
      this.#carryOut()
      const [sent, answer] = [this.#sent, this.#answers].map((all) => all.findIndex((one) => one.writer === writer))
      busy = sent !== -1 || answer !== -1
      if (sent !== -1) this.#land(sent!, true)
      else if (answer !== -1) this.#answer(answer!)
      while (writer.replica.foldState.offset < this.log.length) this.#read(writer)
    }
  }

  /** Each has a clock of its own, which tells nothing of the others'. */
  #clock({ incarnation }: Writer): Moment {
    const aheadMs = Number(incarnation.slice(1)) * 1_000
    return { monotonicMs: this.#nowMs + aheadMs, wallMs: this.#nowMs - aheadMs }
  }

  #passTime(ms: number): void {
    this.#nowMs += ms
  }

  #nextEpoch(): number {
    const known = this.#writers.flatMap(({ replica }) => [replica.reign[0], replica.foldState.reign[0]])
    this.#epoch = Math.max(this.#epoch, ...known) + 1
    return this.#epoch
  }

  #crash(writer: Writer): void {
    this.#crashes++
    this.#granter?.died(writer)
    for (const [ticket, asked] of this.#reads) if (asked === writer) this.#reads.delete(ticket)
    this.#writers[this.#writers.indexOf(writer)] = this.#freshWriter()
  }

  #freshWriter(): Writer {
    const incarnation = `w${++this.#incarnations}`
    const store = new Store(defaultLimits)
    const replica = new Replica({ incarnation, node: incarnation, url: () => '', store, limits: defaultLimits })
    return { incarnation, store, replica }
  }

  #land(index: number, answered: boolean): void {
    const [sent] = this.#sent.splice(index, 1) as [Sent]
    const offset = this.log.push(sent.value) - 1
    if (answered) this.#answers.push({ writer: sent.writer, token: sent.token, offset })
    else this.#unanswered.push(sent)
  }

  #timeOut(sent: Sent): void {
    sent.writer.replica.appendFailed(sent.token, this.#nowMs, 'deadline')
  }

  #answer(index: number): void {
    const [{ writer, token, offset }] = this.#answers.splice(index, 1) as [Answer]
    if (this.#writers.includes(writer)) writer.replica.appended(token, offset, this.#nowMs)
  }

  #read(writer: Writer): void {
    const { offset } = writer.replica.foldState
    writer.replica.read(offset, this.log[offset]!, this.#nowMs)
  }

  #carryOut(): void {
    for (const writer of this.#writers) for (const effect of writer.replica.takeEffects()) this.#effect(writer, effect)
  }

  #effect(writer: Writer, effect: Effect): void {
    if (effect.type === 'append') this.#sent.push({ writer, token: effect.token, value: effect.value })
    if (effect.type === 'answer') for (const ticket of effect.tickets) this.#acknowledge(ticket as Waiting)
    if (effect.type === 'reject') for (const ticket of effect.tickets) this.#reads.delete(ticket)
    assert.notEqual(effect.type, 'reread')
  }

  #acknowledge(ticket: Waiting & Ticket): void {
    const { outcome, operation, kind } = ticket
    this.#reads.delete(ticket)
    if (!operation) return // the session's opening
    if (outcome.kind === 'failed') {
      // The number was acknowledged and is done with: only a repetition that nobody waits for is refused.
      assert.notEqual(operation.value, null, `operation ${operation.number} failed: ${outcome.error}`)
      return
    }
    const value = Number(outcome.responseText)
    if (kind === 'read')
      assert.ok(value >= operation.floor, `stale read: ${value} after ${operation.floor} was acknowledged`)
    else this.#checkIncrement(operation, value)
    this.#highest = Math.max(this.#highest, value)
  }

  #checkIncrement(operation: Operation, value: number): void {
    const { applied } = this.#checkLog()
    if (operation.value !== null)
      assert.equal(value, operation.value, `operation ${operation.number} answered twice, and differently`)
    assert.ok(
      value > operation.floor,
      `operation ${operation.number} got ${value}, and ${operation.floor} was acknowledged before it began`,
    )
    assert.equal(
      applied.get(operation.number),
      value,
      `operation ${operation.number} acknowledged as ${value}, and the journal says otherwise`,
    )
    operation.value = value
  }

  /** The dumb second implementation: a plain fold of the whole log. */
  #checkLog(): { applied: Map<number, number> } {
    const fold = new Fold()
    const applied = new Map<number, number>()
    let count = 0
    this.log.forEach((value, offset) => {
      const entry = decodeEntry(value, offset)
      if (!fold.judge(entry, value).valid || entry.type === 'claim') return
      const { transactions } = describeEntry(entry) as unknown as { transactions: Described[] }
      for (const { request, changes } of transactions) {
        if (!request || !changes) continue
        assert.ok(!applied.has(request[1]), `operation ${request[1]} was applied twice`)
        assert.equal(changes[0]![2], ++count, `an update was lost at offset ${offset}`)
        applied.set(request[1], count)
      }
    })
    return { applied }
  }

  #settleQuietly(): void {
    for (let busy = true; busy; ) {
      this.#carryOut()
      busy = this.#sent.length + this.#answers.length > 0
      if (this.#sent.length > 0) this.#land(0, true)
      if (this.#answers.length > 0) this.#answer(0)
      for (const writer of this.#writers) while (writer.replica.foldState.offset < this.log.length) this.#read(writer)
    }
  }
}

/** Order of keys in a map is no part of the state. */
function sorted(snapshot: unknown): unknown {
  return JSON.parse(JSON.stringify(snapshot))
}
