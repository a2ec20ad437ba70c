/**
 * For tests: several leaderships around one journal, in virtual time. Each has clocks of its own, that drift within 1 % of one another, jump
 * and stand still; records land late and are read late; processes pause, die and start again; links and probes tell what is true, or was.
 */

import { countedByHolderMs } from '../checkpoint/lease.ts'
import type { Moment } from '../checkpoint/staleness.ts'
import { Leadership } from './leadership.ts'
import { inheritedLeaseMs } from './lease-ledger.ts'

/** A number from 0 to 1, the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Record {
  readonly author: Process
  readonly type: 'claim' | 'renewal'
  readonly epoch: number
  /** As a decision tells: no lease is longer that anybody may hold when it is sent. */
  readonly leaseMs: number
  readonly sentAt: Moment
  readonly landsAtMs: number
  valid: boolean
}

/** Something that reaches a process: once it runs again if it is paused, never if it is dead. */
interface Call {
  readonly to: Process
  readonly atMs: number
  readonly call: () => void
}

const stepMs = 2
const tickMs = 10
/** Of one start after the other: each process may grant leases of another length, milliseconds. */
const leaseLengthsMs = [200, 1_500, 500]

export class Process {
  readonly place: number
  readonly incarnation: string
  readonly leadership: Leadership
  readonly rate: number
  /** Of the leases that it grants. */
  readonly leaseMs: number
  /** As the newest valid record says that it has read. */
  leaseMsRead = 0
  /** Of the leases that it found. */
  inheritedMs = 0
  state: 'running' | 'paused' | 'dead' = 'running'
  resumesAtMs = 0
  monotonicOffsetMs: number
  wallOffsetMs = 1_000_000
  /** How late it reads, and how long its records take. */
  readLateMs = 0
  readStuckUntilMs = 0
  /** Until then its links bring nothing. */
  deafUntilMs = 0
  landLateMs = 2
  nextRead = 0
  epoch = 0
  epochRead = 0
  nextTickMs = 0
  setBackAtMs = Number.NEGATIVE_INFINITY
  suspendedUntilMs = Number.NEGATIVE_INFINITY
  /** Whom it reached last at each place. */
  readonly linked = new Map<number, Process>()
  /** Who has lost the link to it: nothing is heard over it after that. */
  readonly lostBy = new Set<Process>()

  constructor(place: number, incarnation: string, leaseMs: number, random: () => number) {
    this.place = place
    this.leaseMs = leaseMs
    this.incarnation = incarnation
    this.rate = 0.9955 + random() * 0.009
    this.monotonicOffsetMs = random() * 1e6
    const url = () => `ws://10.0.0.${place}:7070`
    this.leadership = new Leadership({ incarnation, url, random })
  }
}

export class LeadershipWorld {
  readonly random: () => number
  readonly processes: Process[] = []
  readonly journal: Record[] = []
  readonly faults: boolean
  nowMs = 0
  #underWay: Record[] = []
  #later: Call[] = []
  #startAgain: { readonly place: number; readonly atMs: number }[] = []
  #holder: { process: Process; epoch: number } | null = null
  #incarnations = 0
  /** When the last lease ends that this process granted, real milliseconds, as its holder counts. */
  readonly leases = new Map<Process, number>()

  constructor(seed: number, places: number, faults: boolean) {
    this.random = seeded(seed)
    this.faults = faults
    for (let place = 0; place < places; place++) this.start(place)
  }

  get alive(): Process[] {
    return this.processes.filter(({ state }) => state !== 'dead')
  }

  /** Who may decide at this very moment, on its own clock. */
  get authorised(): Process[] {
    return this.alive.filter((one) => one.leadership.authorityUntilMs(this.clockOf(one)) !== null)
  }

  start(place: number): Process {
    const leaseMs = leaseLengthsMs[this.#incarnations % leaseLengthsMs.length]!
    const process = new Process(place, `p${place}-${++this.#incarnations}`, leaseMs, this.random)
    this.processes.push(process)
    process.nextTickMs = this.nowMs
    for (const record of this.journal) this.#read(process, record)
    process.nextRead = this.journal.length
    process.leadership.caughtUp(this.#leader(), false, this.clockOf(process).monotonicMs)
    for (const other of this.#running())
      if (other !== process) this.#after(this.random() * 100, other, () => this.#link(other, process))
    return process
  }

  kill(process: Process): void {
    process.state = 'dead'
    for (const other of this.#running())
      this.#after(this.random() * 50, other, () => {
        process.lostBy.add(other)
        other.leadership.linkLost(process.incarnation)
      })
  }

  pause(process: Process, forMs: number): void {
    process.state = 'paused'
    process.resumesAtMs = this.nowMs + forMs
  }

  clockOf({ rate, monotonicOffsetMs, wallOffsetMs }: Process): Moment {
    const passedMs = this.nowMs * rate
    return { monotonicMs: passedMs + monotonicOffsetMs, wallMs: passedMs + wallOffsetMs }
  }

  /** One step; what was found wrong, or null. */
  step(): string | null {
    this.nowMs += stepMs
    if (this.faults) this.#misfortune()
    const due = this.#startAgain.filter(({ atMs }) => atMs <= this.nowMs)
    this.#startAgain = this.#startAgain.filter((one) => !due.includes(one))
    for (const { place } of due) this.start(place)
    this.#land()
    for (const process of this.alive) this.#run(process)
    this.#reach()
    return this.#check()
  }

  #running(): Process[] {
    return this.processes.filter(({ state }) => state === 'running')
  }

  #after(delayMs: number, to: Process, call: () => void): void {
    this.#later.push({ to, atMs: this.nowMs + delayMs, call })
  }

  #reach(): void {
    const calls = this.#later
    this.#later = []
    for (const one of calls) {
      if (one.atMs > this.nowMs || one.to.state === 'paused') this.#later.push(one)
      else if (one.to.state === 'running') one.call()
    }
  }

  #misfortune(): void {
    const { random } = this
    if (random() > 0.01) return
    const process = this.alive[Math.floor(random() * this.alive.length)]
    if (!process) return
    const which = random()
    if (which < 0.2) this.pause(process, random() * 1_500)
    else if (which < 0.35) {
      this.kill(process)
      this.#startAgain.push({ place: process.place, atMs: this.nowMs + random() * 800 })
    } else if (which < 0.42) process.readLateMs = random() * 600
    else if (which < 0.55) {
      process.readStuckUntilMs = this.nowMs + random() * 800
      process.deafUntilMs = this.nowMs + random() * 800
    } else if (which < 0.75) process.landLateMs = 1 + random() * 400
    else if (which < 0.8) this.#setWallClock(process, (random() - 0.5) * 2_000)
    else if (which < 0.85 && this.nowMs - process.setBackAtMs > 1_000) {
      // Its machine is suspended: the monotonic clock stands still, the wall clock does not.
      const forMs = random() * 1_000
      this.pause(process, forMs)
      process.monotonicOffsetMs -= forMs * process.rate
      process.suspendedUntilMs = this.nowMs + forMs
    } else {
      process.readLateMs = random() * 10
      process.landLateMs = 1 + random() * 10
    }
  }

  /** A clock that is set back while the machine is suspended is more than anybody could notice. */
  #setWallClock(process: Process, byMs: number): void {
    if (byMs < 0 && this.nowMs - process.suspendedUntilMs < 1_000) return
    process.wallOffsetMs += byMs
    if (byMs < 0) process.setBackAtMs = this.nowMs
  }

  #land(): void {
    const landed = this.#underWay.filter(({ landsAtMs }) => landsAtMs <= this.nowMs)
    this.#underWay = this.#underWay.filter(({ landsAtMs }) => landsAtMs > this.nowMs)
    for (const record of landed) {
      const epoch = this.#holder?.epoch ?? 0
      record.valid =
        record.type === 'claim'
          ? record.epoch > epoch
          : record.epoch === epoch && this.#holder?.process === record.author
      if (record.valid) this.#holder = { process: record.author, epoch: record.epoch }
      this.journal.push(record)
    }
  }

  #run(process: Process): void {
    if (process.state === 'paused' && this.nowMs >= process.resumesAtMs) process.state = 'running'
    if (process.state !== 'running') return
    for (let record = this.journal[process.nextRead]; record; record = this.journal[process.nextRead]) {
      if (Math.max(record.landsAtMs + process.readLateMs, process.readStuckUntilMs) > this.nowMs) break
      process.nextRead++
      this.#read(process, record)
    }
    if (this.nowMs < process.nextTickMs) return
    process.nextTickMs = this.nowMs + tickMs
    const now = this.clockOf(process)
    process.leadership.tick(now.monotonicMs, tickMs)
    this.#act(process)
    if (process.leadership.authorityUntilMs(now) !== null)
      this.leases.set(process, this.nowMs + countedByHolderMs(process.leaseMs))
    if (process.leadership.leads) this.#tellPeers(process)
  }

  /** A connection to whoever is at a place now. */
  #link(from: Process, to: Process): void {
    const before = from.linked.get(to.place)
    from.linked.set(to.place, to)
    if (before && before !== to) from.leadership.replaced(before.incarnation, this.clockOf(from).monotonicMs)
  }

  #tellPeers(process: Process): void {
    for (const other of this.#running())
      if (other !== process)
        this.#after(this.random() * 60, other, () => {
          if (this.nowMs >= other.deafUntilMs && !process.lostBy.has(other))
            other.leadership.heard(process.incarnation, true, this.clockOf(other).monotonicMs)
        })
  }

  #act(process: Process): void {
    const now = this.clockOf(process)
    const action = process.leadership.next(now.monotonicMs, true)
    switch (action?.type) {
      case 'claim':
        process.epoch = process.epochRead + 1
        process.leadership.claiming()
        return this.#append(process, 'claim', now)
      case 'renew':
        process.leadership.renewing(now.monotonicMs)
        return this.#append(process, 'renewal', now)
      case 'probe': {
        const target = this.processes.find(({ incarnation }) => incarnation === action.leader.incarnation)
        const isThere = this.processes.some(({ place, state }) => place === target?.place && state !== 'dead')
        this.#after(this.random() * 20, process, () => {
          const outcome = isThere ? 'connected' : 'refused'
          process.leadership.probed(action.leader.incarnation, outcome, this.clockOf(process).monotonicMs)
        })
      }
    }
  }

  #append(author: Process, type: Record['type'], sentAt: Moment): void {
    const landsAtMs = this.nowMs + author.landLateMs
    const { epoch, inheritedMs, leadership } = author
    const leaseMs = sentAt.monotonicMs < leadership.leasesUntilMs ? inheritedMs : author.leaseMs
    this.#underWay.push({ author, type, epoch, leaseMs, sentAt, landsAtMs, valid: false })
  }

  #read(process: Process, { author, type, epoch, leaseMs, valid, sentAt }: Record): void {
    const { leadership } = process
    const nowMs = this.clockOf(process).monotonicMs
    if (valid) process.epochRead = epoch
    if (valid && type === 'renewal') process.leaseMsRead = leaseMs
    if (author === process) {
      if (type === 'renewal') {
        if (valid) leadership.renewed(sentAt)
        leadership.renewalEnded()
      } else if (epoch === process.epoch) {
        if (valid) {
          process.inheritedMs = inheritedLeaseMs({ leaseMs: process.leaseMsRead }, process.leaseMs)
          leadership.claimed(nowMs, process.inheritedMs)
        } else leadership.lost(nowMs)
      }
      return
    }
    if (!valid) return
    const wasFenced = type === 'claim' && (leadership.leads || process.epoch <= epoch)
    if (wasFenced && process.epoch > 0) leadership.lost(nowMs)
    leadership.read(leaderOf(author), nowMs)
  }

  #leader() {
    return this.#holder && leaderOf(this.#holder.process)
  }

  #check(): string | null {
    const authorised = this.authorised
    if (authorised.length > 1)
      return `at ${this.nowMs} ms both ${authorised.map(({ incarnation }) => incarnation).join(' and ')} have authority`
    for (const process of authorised) {
      if (this.clockOf(process).monotonicMs < process.leadership.leasesUntilMs) continue
      for (const [other, untilMs] of this.leases)
        if (other !== process && untilMs > this.nowMs)
          return `at ${this.nowMs} ms ${process.incarnation} takes all leases for over, and one of ${other.incarnation} lasts`
    }
    return null
  }
}

function leaderOf({ incarnation, place }: Process) {
  return { incarnation, node: `receiver-${place}`, url: `ws://10.0.0.${place}:7070` }
}
