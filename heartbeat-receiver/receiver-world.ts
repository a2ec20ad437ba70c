/**
 * A small world around the receiver's core, for its tests: backends that heartbeat, claim and die, a network, and a journal of decisions,
 * all in virtual time. What the core does is kept as a readable trace.
 */
import { compareReigns } from '../checkpoint/record.ts'
import type { Effect, Input, ProbeOutcome, RecordedDecision } from './events.ts'
import { tickMs } from './events.ts'
import type { Decision, Heartbeat, LeaseGrant, Phase, ToBackend } from './protocol.ts'
import { Receiver } from './receiver.ts'

export interface BackendOptions {
  weight?: number
  direct?: boolean
  offset?: number
  phase?: Phase
  /** Milliseconds from `lead` to a valid claim; null: it never begins. */
  claimMs?: number | null
  /** The attempt of its claims: above 0 as when it could not know what became of the first. */
  attempt?: number
  /** False: one that does not know the word. */
  knowsDrain?: boolean
}

/** A backend that has to read on to its claim looks so often whether it has, milliseconds. */
const readOnMs = 10

/** A process as it is, whatever the receiver thinks. */
export class WorldBackend {
  readonly name: string
  readonly incarnation: string
  readonly options: BackendOptions
  connection: number | null = null
  /** `frozen`: stopped by SIGSTOP; its sockets stay open. */
  process: 'running' | 'frozen' | 'dead' = 'running'
  phase: Phase
  reign: [number, number] = [0, 0]
  offset: number
  journalReachable = true
  unsettledMs = 0
  eventLoopDelayMs = 0
  lag = 0
  progress: Heartbeat['progress'] | null = null
  refusing: string | null = null
  nextBeatMs = 0
  sequence = 0
  claimAtMs: number | null = null
  /** As a backend holds it: the epoch, and until when it counts. */
  lease: { epoch: number; untilMs: number } | null = null
  /** The epoch under which it yielded: it takes no lease of that. */
  yielded = 0
  /** False: one that does not know the word. */
  knowsYield = true
  draining = false
  /** What reached it while it was frozen. */
  readonly unread: (() => void)[] = []
  /** When each heartbeat was sent that may still be answered. */
  readonly sentAtMs = new Map<number, number>()

  constructor(name: string, incarnation: string, options: BackendOptions) {
    this.name = name
    this.incarnation = incarnation
    this.options = options
    this.phase = options.phase ?? 'standby'
    this.offset = options.offset ?? 0
  }
}

/** How long a receiver's authority lasts, and how often it is renewed, milliseconds. */
const authorityMs = 200
const renewalMs = 50

export class World {
  readonly trace: string[] = []
  readonly decided: Decision[] = []
  /** What the journal of decisions holds. */
  journaled: RecordedDecision | null = null
  readonly backends = new Map<string, WorldBackend>()
  /** What the shared journal shows. */
  journalReign: [number, number] = [0, 0]
  /** Milliseconds until a decision is durable; null: the journal of decisions cannot be written. */
  recordMs: number | null = 2
  heartbeatMs = 100
  /** False: the receiver cannot renew its authority. */
  renewing = true
  nowMs = 0
  core: Receiver
  readonly #quiet: ReadonlySet<string>
  #tickAtMs = 0
  #renewAtMs = 0
  #connections = 0
  #incarnations = 0
  #later: { atMs: number; run: () => void }[] = []
  onEffect: (effect: Effect) => void = () => undefined
  /** Called before a claim is valid: what another backend answers from memory after that may be old. */
  onClaim: (by: WorldBackend) => void = () => undefined
  /** Called as time passes, with the milliseconds that did. */
  onTime: (passedMs: number) => void = () => undefined
  /** Records that a backend has to read before its claim. */
  missing: (backend: WorldBackend) => number = () => 0

  /** `quiet`: kinds of lines that the trace leaves out. */
  constructor({ authorized = true, quiet = ['joined', 'members'] }: { authorized?: boolean; quiet?: string[] } = {}) {
    this.core = new Receiver({ shard: 0, heartbeatMs: this.heartbeatMs })
    this.#quiet = new Set(quiet)
    if (authorized) this.authorize([])
  }

  /** The receiver leads from now on. */
  authorize(decisions: readonly Decision[], leasesUntilMs?: number): void {
    this.input({
      type: 'authorized',
      decisions: decisions.map((decision) => ({ ...decision, direct: true })),
      ...(leasesUntilMs !== undefined && { leasesUntilMs }),
    })
    this.#renew()
  }

  /** Starts a process and connects it. The same name again is a new incarnation. */
  start(name: string, options: BackendOptions = {}): WorldBackend {
    const backend = new WorldBackend(name, `${name}-${++this.#incarnations}`, options)
    this.backends.set(name, backend)
    this.connect(backend)
    return backend
  }

  get(name: string): WorldBackend {
    const backend = this.backends.get(name)
    if (!backend) throw new Error(`no backend ${name}`)
    return backend
  }

  connect(backend: WorldBackend): void {
    backend.connection = ++this.#connections
    const { name, incarnation, options } = backend
    this.input({
      type: 'hello',
      connection: backend.connection,
      hello: {
        ...{ type: 'hello', version: 1, name, incarnation, url: `http://${name}`, exactlyOnce: true },
        ...{ weight: options.weight ?? 1, direct: options.direct ?? true },
        ...(options.knowsDrain !== false && { takes: ['drain'] }),
      },
    })
    this.beat(backend)
  }

  /** SIGKILL: the system closes its connection at once. */
  kill(name: string): void {
    const backend = this.get(name)
    backend.process = 'dead'
    this.cut(name)
  }

  /** The connection ends; the process lives. */
  cut(name: string): void {
    const { connection } = this.get(name)
    this.get(name).connection = null
    if (connection !== null) this.input({ type: 'closed', connection })
  }

  /** Its parent saw it die, and says so. */
  reapedBy(name: string, reason: string, lastLines: string[]): void {
    const { connection } = this.get(name)
    const goodbye = { type: 'goodbye', reason, crashed: true, lastLines } as const
    if (connection !== null) this.input({ type: 'goodbye', connection, goodbye })
    this.kill(name)
  }

  freeze(name: string): void {
    this.get(name).process = 'frozen'
  }

  /** SIGCONT; what happened meanwhile is read first. */
  resume(name: string): void {
    const backend = this.get(name)
    backend.process = 'running'
    if (this.journalReign[0] > backend.reign[0] && backend.phase !== 'starting') backend.phase = 'standby'
    for (const read of backend.unread.splice(0)) read()
    if (backend.connection === null) this.connect(backend)
    else this.beat(backend)
  }

  goodbye(name: string): void {
    const { connection } = this.get(name)
    this.get(name).lease = null // it drops it before it says so
    if (connection !== null)
      this.input({ type: 'goodbye', connection, goodbye: { type: 'goodbye', reason: 'stopped' } })
    this.kill(name)
  }

  /** A heartbeat now, as when the status has changed. */
  beat(backend: WorldBackend): void {
    if (backend.process !== 'running' || backend.connection === null) return
    backend.nextBeatMs = this.nowMs + this.heartbeatMs
    backend.sentAtMs.clear() // it is answered at once, or not at all
    backend.sentAtMs.set(backend.sequence + 1, this.nowMs)
    const heartbeat: Heartbeat = {
      ...{ type: 'heartbeat', sequence: ++backend.sequence, lag: backend.lag, inFlight: 0 },
      eventLoopDelayMs: backend.eventLoopDelayMs,
      ...{ phase: backend.phase, reign: backend.reign, journalReign: this.journalReign, offset: backend.offset },
      ...{ unsettledMs: backend.unsettledMs, journalReachable: backend.journalReachable },
      ...(backend.progress && { progress: backend.progress }),
      ...(backend.draining && { draining: true }),
    }
    this.input({ type: 'heartbeat', connection: backend.connection, heartbeat })
  }

  /** Lets time pass. */
  run(forMs: number): this {
    const endMs = this.nowMs + forMs
    for (;;) {
      const next = this.#later.reduce((first, { atMs }) => Math.min(first, atMs), Number.POSITIVE_INFINITY)
      const beats = [...this.backends.values()].filter(isBeating).map(({ nextBeatMs }) => nextBeatMs)
      const atMs = Math.min(next, this.#tickAtMs, this.#renewAtMs, ...beats)
      if (atMs > endMs) break
      this.#pass(atMs)
      this.#turn()
    }
    this.#pass(endMs)
    return this
  }

  /** The receiver stalls: nothing is read and no tick comes. What was sent meanwhile is read before the late tick. */
  stall(forMs: number): void {
    this.nowMs += forMs
    for (const backend of this.backends.values()) if (backend.nextBeatMs <= this.nowMs) this.beat(backend)
    this.input({ type: 'tick' })
    this.#tickAtMs = this.nowMs + tickMs
  }

  /**
   * The receiver dies and another begins, with `heartbeatMs` as it is now; `decisions` is what its journal holds. Backends may hold leases of the
   * one that died.
   */
  restart(decisions: readonly Decision[], leasesUntilMs?: number): void {
    this.core = new Receiver({ shard: 0, heartbeatMs: this.heartbeatMs })
    for (const backend of this.backends.values()) backend.connection = null
    this.authorize(decisions, leasesUntilMs)
  }

  input(input: Input): void {
    for (const effect of this.core.step(input, this.nowMs)) {
      this.onEffect(effect)
      this.#note(effect)
      this.#carryOut(effect)
    }
  }

  report(name: string, kind: 'refused' | 'timed-out' = 'refused', by = 'b'): void {
    const { incarnation } = this.get(name)
    const epoch = this.core.decisions[0]?.epoch ?? 0
    this.input({ type: 'report', by, report: { type: 'report', incarnation, epoch, kind } })
  }

  /** The trace since the last call. */
  take(): string[] {
    return this.trace.splice(0)
  }

  #pass(untilMs: number): void {
    const passedMs = untilMs - this.nowMs
    if (passedMs <= 0) return
    this.nowMs = untilMs
    this.onTime(passedMs)
  }

  #turn(): void {
    const due = this.#later.filter(({ atMs }) => atMs <= this.nowMs)
    this.#later = this.#later.filter(({ atMs }) => atMs > this.nowMs)
    for (const { run } of due) run()
    if (this.#renewAtMs <= this.nowMs) this.#renew()
    for (const backend of this.backends.values())
      if (isBeating(backend) && backend.nextBeatMs <= this.nowMs) this.beat(backend)
    if (this.#tickAtMs > this.nowMs) return
    this.#tickAtMs = this.nowMs + tickMs
    this.input({ type: 'tick' })
  }

  #renew(): void {
    this.#renewAtMs = this.nowMs + renewalMs
    if (this.renewing) this.input({ type: 'authority', untilMs: this.nowMs + authorityMs })
  }

  #in(delayMs: number, run: () => void): void {
    this.#later.push({ atMs: this.nowMs + delayMs, run })
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'probe':
        return this.#in(1, () =>
          this.input({ type: 'probed', incarnation: effect.incarnation, outcome: this.#probe(effect.url) }),
        )
      case 'record':
        return this.#record(effect.decision)
      case 'send':
        return this.#hear(effect.connection, effect.message)
      case 'close':
        for (const backend of this.backends.values())
          if (backend.connection === effect.connection) backend.connection = null
        return
      case 'publish':
        if (effect.event.type === 'decided' && !effect.quiet) this.decided.push(effect.event.decision)
        return
    }
  }

  /** Only a dead process's port refuses. */
  #probe(url: string): ProbeOutcome {
    const name = url.slice('http://'.length)
    const backend = this.backends.get(name)
    return !backend || backend.process === 'dead' ? 'refused' : 'connected'
  }

  #record(decision: RecordedDecision): void {
    const { core } = this
    const { epoch } = decision
    if (this.recordMs === null)
      this.#in(1_000, () => core === this.core && this.input({ type: 'record-failed', epoch }))
    else
      this.#in(this.recordMs, () => {
        if (core !== this.core) return
        this.journaled = decision
        this.input({ type: 'recorded', epoch })
      })
  }

  #hear(connection: number, message: ToBackend): void {
    const backend = [...this.backends.values()].find((one) => one.connection === connection)
    if (backend?.process === 'frozen') backend.unread.push(() => this.#read(backend, connection, message))
    if (backend?.process === 'running') this.#read(backend, connection, message)
  }

  #read(backend: WorldBackend, connection: number, message: ToBackend): void {
    if (message.type === 'lead') this.#lead(backend, connection, message.epoch)
    if (message.type === 'drain') this.#in(1, () => this.#drain(backend, message.draining))
    if (message.type === 'ack' && message.lease) this.#lease(backend, message.sequence, message.lease)
    if (message.type !== 'yield' || !backend.knowsYield) return
    backend.yielded = message.epoch
    backend.lease = null
    this.#in(1, () => this.input({ type: 'yielded', connection, epoch: message.epoch }))
  }

  #drain(backend: WorldBackend, draining: boolean): void {
    backend.draining = draining
    this.beat(backend)
  }

  /** Counted from when the heartbeat was sent, and short of it by 1 % and 1 ms, as clocks drift. */
  #lease(backend: WorldBackend, sequence: number, { epoch, forMs }: LeaseGrant): void {
    const sentMs = backend.sentAtMs.get(sequence)
    if (sentMs === undefined || epoch !== backend.reign[0] || backend.phase !== 'active' || epoch <= backend.yielded)
      return
    backend.lease = { epoch, untilMs: sentMs + forMs * 0.99 - 1 }
  }

  /** True if it answers reads from memory at this moment: whatever another has written meanwhile, they would miss. */
  readsByLease({ lease, process, phase, reign }: WorldBackend): boolean {
    if (process === 'dead' || phase !== 'active' || lease === null) return false
    return lease.epoch === reign[0] && this.nowMs < lease.untilMs
  }

  #lead(backend: WorldBackend, connection: number, epoch: number): void {
    if (epoch <= backend.reign[0]) return
    if (backend.refusing !== null) {
      const refuse = { type: 'refuse', epoch, reason: backend.refusing } as const
      return this.#in(1, () => this.input({ type: 'refuse', connection, refuse }))
    }
    const { claimMs = 3 } = backend.options
    if (claimMs === null || backend.claimAtMs !== null) return
    backend.claimAtMs = this.nowMs + claimMs
    this.#in(claimMs, () => this.#claim(backend, epoch))
  }

  #claim(backend: WorldBackend, epoch: number): void {
    if (backend.process === 'running' && this.missing(backend) > 0)
      return this.#in(readOnMs, () => this.#claim(backend, epoch))
    backend.claimAtMs = null
    if (backend.process !== 'running' || !backend.journalReachable) return
    backend.reign = [epoch, backend.options.attempt ?? 0]
    if (compareReigns(backend.reign, this.journalReign) > 0) {
      this.onClaim(backend)
      this.journalReign = backend.reign
      backend.phase = 'active'
      for (const other of this.backends.values()) {
        if (other === backend || other.process !== 'running' || other.phase !== 'active') continue
        other.phase = 'standby'
        this.beat(other)
      }
    }
    this.beat(backend)
  }

  #note(effect: Effect): void {
    const line = describe(effect)
    if (line && !this.#quiet.has(line.split(' ')[0]!)) this.trace.push(`${Math.round(this.nowMs)} ${line}`)
  }
}

function isBeating({ process, connection }: WorldBackend): boolean {
  return process === 'running' && connection !== null
}

function describe(effect: Effect): string | null {
  switch (effect.type) {
    case 'send':
      if (effect.message.type === 'drain') return effect.message.draining ? 'drain' : 'drain no more'
      if (effect.message.type === 'yield') return `yield epoch ${effect.message.epoch}`
      return effect.message.type === 'lead' ? `lead ${effect.message.incarnation} epoch ${effect.message.epoch}` : null
    case 'close':
      return `close ${effect.code}: ${effect.reason}`
    case 'probe':
      return `probe ${effect.incarnation}`
    case 'record':
      return `record epoch ${effect.decision.epoch} ${effect.decision.incarnation}: ${effect.reason}`
    case 'members-changed':
      return `members ${[...effect.members.map(({ incarnation, phase, lag }) => `+${incarnation} ${phase}${lag > 0 ? ` lag ${lag}` : ''}`), ...effect.left.map((name) => `-${name}`)].join(', ')}`
    case 'members-whole':
      return 'members whole'
    case 'vacant':
      return `vacant: ${effect.reason}`
    case 'failed-over':
      return `failed-over in ${Math.round(effect.tookMs)}`
    case 'drained': {
      const { name, draining, failure } = effect.result
      return `${draining ? 'drained' : 'undrained'} ${name}${failure ? `: ${failure}` : ''}`
    }
    case 'handed-over': {
      const { from, to, failure } = effect.result
      return `handed over from ${from} to ${to}${failure ? `: ${failure}` : ''}`
    }
    case 'crashed': {
      if (effect.quiet) return null
      const { name, reason, leader, lastLines } = effect.crash
      return `crashed ${name}: ${reason}; leader ${leader ? `${leader.name} ${leader.decided ? 'now' : 'still'}` : 'none'}${lastLines.length > 0 ? `; ${lastLines.join(' | ')}` : ''}`
    }
    case 'publish': {
      const { event } = effect
      if (effect.quiet) return null
      if (event.type === 'decided') return `decided ${event.decision.incarnation} epoch ${event.decision.epoch}`
      if (event.type === 'ready') return `ready ${event.incarnation} epoch ${event.epoch}`
      if (event.type === 'fenced') return `fenced ${event.incarnation} by epoch ${event.epoch}`
      if (event.type === 'joined') return `joined ${event.incarnation}`
      return `${event.type} ${event.incarnation}: ${event.reason}`
    }
  }
}
