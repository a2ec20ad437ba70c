/** Who is there: the backends known by name, their connections, and what speaks against them. Pure; part of the receiver's core. */
import type { Crash, Effect, ProbeOutcome, RecordedDecision } from './events.ts'
import { heartbeatIntervalMs } from './heartbeat-rate.ts'
import {
  createBackend,
  type Evidence,
  heard,
  type KnownBackend,
  probePauseMaxMs,
  probePauseMs,
  updateStatus,
} from './known-backend.ts'
import { closeCodes, type Goodbye, type Heartbeat, type Hello } from './protocol.ts'

/** A backend that is gone is shown for so long, milliseconds. */
const goneMemoryMs = 600_000
/** A connection silent for so long after its backend was judged is closed, milliseconds: its peer may never tell. */
const silentConnectionMs = 30_000
/** Beyond so many names the longest gone is forgotten. More than there can be connections. */
const namesMax = 20_000
/** A receiver's tick that comes this much late has stalled; less is the clumsiness of timers, milliseconds. */
const stallMinMs = 5
/** While nobody else is heard either, a silence is not judged before it is so many times as long. */
const deafTimes = 2

/** A backend that was judged to have crashed. */
export interface Loss extends Pick<Crash, 'name' | 'incarnation' | 'reason' | 'proven' | 'lastLines'> {
  readonly sinceMs: number
}

/** How a backend is known to be gone. */
interface Departure {
  readonly reason: string
  /** False if it left in good order. */
  readonly crashed: boolean
  readonly proven?: boolean
  readonly said?: boolean
  readonly lastLines?: readonly string[]
}

export class Roster {
  readonly #heartbeatMs: number
  readonly #emit: (effect: Effect) => void
  readonly #touch: (name: string) => void
  readonly #died: (incarnation: string) => void
  readonly #byName = new Map<string, KnownBackend>()
  readonly #byIncarnation = new Map<string, KnownBackend>()
  readonly #byConnection = new Map<number, KnownBackend>()
  #joined = 0
  /** When any backend was heard last. */
  #heardAtMs = Number.NEGATIVE_INFINITY
  #losses: Loss[] = []
  #fleetIntervalMs: number
  #intervalsFor: string | null = null

  /**
   * `touch` is called with the name of each backend that may have become a member, or none, or another; `died` with each incarnation that is
   * proven to be no more.
   */
  constructor(options: {
    heartbeatMs: number
    emit: (effect: Effect) => void
    touch: (name: string) => void
    died: (incarnation: string) => void
  }) {
    this.#heartbeatMs = options.heartbeatMs
    this.#emit = options.emit
    this.#touch = options.touch
    this.#died = options.died
    this.#fleetIntervalMs = options.heartbeatMs
  }

  all(): KnownBackend[] {
    return [...this.#byName.values()]
  }

  named(name: string): KnownBackend | undefined {
    return this.#byName.get(name)
  }

  connected(connection: number): KnownBackend | undefined {
    return this.#byConnection.get(connection)
  }

  incarnation(incarnation: string): KnownBackend | undefined {
    return this.#byIncarnation.get(incarnation)
  }

  /** The crashes judged since the last call. */
  takeLosses(): Loss[] {
    const losses = this.#losses
    this.#losses = []
    return losses
  }

  /** A backend says hello. Undefined if it is refused: its name is alive under another incarnation. */
  join(
    connection: number,
    { type: _, version: __, token: ___, ...hello }: Hello,
    nowMs: number,
  ): KnownBackend | undefined {
    const known = this.#byName.get(hello.name)
    if (known?.hello.incarnation === hello.incarnation) return this.#rejoin(known, connection, hello, nowMs)
    if (this.#byIncarnation.has(hello.incarnation)) {
      const reason = `incarnation ${hello.incarnation} is known under another name`
      this.#emit({ type: 'close', connection, code: closeCodes.policy, reason })
      return undefined
    }
    if (known) {
      if (known.connection !== null && known.liveness.state === 'alive') {
        const reason = `${hello.name} is alive under another incarnation at ${known.hello.url}; choose another name`
        this.#emit({ type: 'close', connection, code: closeCodes.nameTaken, reason })
        return undefined
      }
      this.#replace(known, nowMs)
    }
    const backend = createBackend(hello, {
      connection,
      seniority: this.#joined++,
      intervalMs: this.#fleetIntervalMs,
      nowMs,
    })
    this.#add(backend)
    this.#byConnection.set(connection, backend)
    this.#publishJoined(backend, nowMs)
    return backend
  }

  /** The active of a decision from before, which has yet to join: it is suspected, and probed at once. */
  expect(decision: RecordedDecision, nowMs: number, patienceMs: number): void {
    if (this.#byName.has(decision.name)) return
    const { name, incarnation, url, exactlyOnce, direct } = decision
    const backend = createBackend(
      { name, incarnation, url, exactlyOnce, direct, weight: 1 },
      { connection: null, seniority: this.#joined++, intervalMs: this.#heartbeatMs, nowMs },
    )
    backend.judgeAtMs = nowMs + patienceMs
    const reason = 'not seen since this receiver started'
    backend.liveness = { state: 'suspected', evidence: 'absent', reason, sinceMs: nowMs }
    this.#add(backend)
    this.#probe(backend)
  }

  /** A heartbeat came, and was read when this receiver had stalled for `stalledMs`. Returns what the one before said. */
  heard(backend: KnownBackend, heartbeat: Heartbeat, nowMs: number, stalledMs: number): Heartbeat | null {
    if (backend.liveness.state === 'gone' && backend.liveness.said) return backend.status
    heard(backend, nowMs, heartbeat.eventLoopDelayMs, stalledMs)
    this.#heardAtMs = nowMs
    this.#touch(backend.hello.name)
    const before = updateStatus(backend, heartbeat, nowMs)
    if (backend.liveness.state === 'gone') this.#publishJoined(backend, nowMs)
    if (backend.liveness.state !== 'suspected' || backend.liveness.evidence !== 'reported')
      backend.liveness = { state: 'alive' }
    const led = before?.phase === 'active' || before?.phase === 'settling'
    if (before && led && heartbeat.phase === 'standby' && heartbeat.journalReign[0] > before.reign[0]) {
      const { name, incarnation } = backend.hello
      this.#emit({
        type: 'publish',
        event: { type: 'fenced', atMs: nowMs, name, incarnation, epoch: heartbeat.journalReign[0] },
      })
    }
    return before
  }

  /** A connection ended. That is evidence, not proof: a middlebox can reset the connection of the living. */
  closed(connection: number, nowMs: number): void {
    const backend = this.#byConnection.get(connection)
    this.#byConnection.delete(connection)
    if (!backend) return
    backend.connection = null
    this.#touch(backend.hello.name)
    this.suspect(backend, 'closed', 'its connection was closed', nowMs)
  }

  /** Evidence against a backend: it is probed, and not chosen until that is cleared up. */
  suspect(backend: KnownBackend, evidence: Evidence, reason: string, nowMs: number): void {
    const { liveness } = backend
    if (liveness.state === 'gone') return
    const sinceMs = liveness.state === 'suspected' ? liveness.sinceMs : nowMs
    if (liveness.state === 'suspected' && liveness.evidence !== 'reported') {
      this.#probe(backend)
      return
    }
    backend.liveness = { state: 'suspected', evidence, reason, sinceMs }
    this.#touch(backend.hello.name)
    this.#publishSuspected(backend, evidence, reason, nowMs)
    this.#probe(backend)
  }

  /** It said goodbye, or its parent said that it died: nothing is left to be proven. */
  goodbye(backend: KnownBackend, { reason, crashed = false, lastLines = [] }: Goodbye, nowMs: number): void {
    this.#gone(backend, { reason: reason || 'goodbye', crashed, proven: true, said: true, lastLines }, nowMs)
  }

  #gone(backend: KnownBackend, departure: Departure, nowMs: number): void {
    const { reason, crashed, proven = false, said = false, lastLines = [] } = departure
    const { liveness, hello } = backend
    if (liveness.state === 'gone') return
    const sinceMs = liveness.state === 'suspected' ? liveness.sinceMs : nowMs
    backend.liveness = { state: 'gone', reason, sinceMs, judgedAtMs: nowMs, said, proven }
    const { name, incarnation } = hello
    if (proven) this.#died(incarnation)
    this.#touch(name)
    this.#emit({ type: 'publish', event: { type: 'left', atMs: nowMs, name, incarnation, reason, crashed } })
    if (crashed) this.#losses.push({ name, incarnation, reason, sinceMs, proven, lastLines })
  }

  /** A fresh connection to its URL was tried. Only a refused one, with nothing between, proves that nobody is there. */
  probed(incarnation: string, outcome: ProbeOutcome, nowMs: number): void {
    const backend = this.incarnation(incarnation)
    if (!backend) return
    const { probe, liveness } = backend
    probe.inFlight = false
    if (liveness.state === 'gone' && outcome === 'refused' && backend.hello.direct) this.#died(incarnation)
    if (liveness.state !== 'suspected') return
    if (outcome === 'refused' && backend.hello.direct) {
      const reason = `${liveness.reason} and a new one was refused`
      this.#gone(backend, { reason, crashed: true, proven: true }, nowMs)
    } else if (liveness.evidence === 'reported') {
      backend.liveness = { state: 'alive' } // its connection is open: its heartbeats speak for it
      this.#touch(backend.hello.name)
    } else {
      probe.nextAtMs = nowMs + probe.pauseMs
      probe.pauseMs = Math.min(probe.pauseMs * 2, probePauseMaxMs)
    }
  }

  /**
   * Time passes: silences are judged, probes repeated, what is long gone forgotten. Time in which this receiver stalled does not count, as far
   * as it was silence.
   */
  tick(nowMs: number, stalledMs: number): void {
    for (const backend of this.#byName.values()) {
      const { liveness, suspicion } = backend
      if (stalledMs > stallMinMs) backend.judgeAtMs += Math.min(stalledMs, nowMs - suspicion.heardAtMs)
      if (liveness.state === 'gone') this.#tickGone(backend, nowMs - liveness.judgedAtMs, nowMs)
      else if (nowMs >= backend.judgeAtMs && !this.#isDeafTo(backend, nowMs)) this.#judgeSilent(backend, nowMs)
      else if (liveness.state === 'suspected' && nowMs >= backend.probe.nextAtMs) this.#probe(backend)
    }
  }

  /** Tells backends whose heartbeat interval has changed: it grows with the fleet, but not for the active. */
  setIntervals(active: string | undefined, tell: (backend: KnownBackend) => void, nowMs: number): void {
    const intervalMs = heartbeatIntervalMs(this.#heartbeatMs, this.#byConnection.size)
    const key = `${intervalMs} ${active}`
    if (key === this.#intervalsFor) return
    this.#intervalsFor = key
    this.#fleetIntervalMs = intervalMs
    for (const backend of this.#byConnection.values()) {
      const wanted = backend.hello.incarnation === active ? this.#heartbeatMs : intervalMs
      if (backend.intervalMs === wanted) continue
      const longerMs = Math.max(wanted, backend.intervalMs)
      backend.suspicion.expect(longerMs, nowMs) // the next gap may still be one of the old interval
      backend.judgeAtMs = nowMs + backend.suspicion.patienceMs()
      backend.intervalMs = wanted
      tell(backend)
    }
  }

  #rejoin(backend: KnownBackend, connection: number, hello: KnownBackend['hello'], nowMs: number): KnownBackend {
    if (backend.connection !== null && backend.connection !== connection) {
      this.#byConnection.delete(backend.connection)
      const reason = 'the same incarnation connected anew'
      this.#emit({ type: 'close', connection: backend.connection, code: closeCodes.goingAway, reason })
    }
    heard(backend, nowMs)
    this.#touch(hello.name)
    if (backend.liveness.state === 'gone' || backend.status === null) this.#publishJoined(backend, nowMs)
    backend.hello = hello
    backend.connection = connection
    backend.liveness = { state: 'alive' }
    backend.probe = { inFlight: backend.probe.inFlight, nextAtMs: Number.POSITIVE_INFINITY, pauseMs: probePauseMs }
    this.#byConnection.set(connection, backend)
    return backend
  }

  #add(backend: KnownBackend): void {
    if (this.#byName.size >= namesMax) {
      const forgotten = this.all().find(({ connection, liveness }) => connection === null && liveness.state === 'gone')
      if (forgotten) this.#remove(forgotten)
    }
    this.#byName.set(backend.hello.name, backend)
    this.#byIncarnation.set(backend.hello.incarnation, backend)
  }

  #remove({ hello }: KnownBackend): void {
    this.#byName.delete(hello.name)
    this.#byIncarnation.delete(hello.incarnation)
  }

  #replace(known: KnownBackend, nowMs: number): void {
    this.#gone(known, { reason: 'a new incarnation took its place', crashed: true }, nowMs)
    this.#remove(known)
    if (known.connection === null) return
    this.#byConnection.delete(known.connection)
    const reason = `a new incarnation of ${known.hello.name} took its place`
    this.#emit({ type: 'close', connection: known.connection, code: closeCodes.nameTaken, reason })
  }

  /**
   * True if the silence may be this receiver's own: there are others, and none of them was heard since this one was due. Whoever could be named
   * instead would have been.
   */
  #isDeafTo({ suspicion, intervalMs, connection, liveness }: KnownBackend, nowMs: number): boolean {
    if (liveness.state === 'suspected' && liveness.evidence === 'absent') return false
    const { heardAtMs } = suspicion
    const alone = this.#byConnection.size - (connection === null ? 0 : 1) === 0
    if (alone || this.#heardAtMs > heardAtMs + intervalMs) return false
    return nowMs - heardAtMs < deafTimes * suspicion.patienceMs()
  }

  #judgeSilent(backend: KnownBackend, nowMs: number): void {
    const silentMs = Math.round(nowMs - backend.suspicion.heardAtMs)
    const silent = `silent for ${silentMs} ms`
    const { liveness } = backend
    if (liveness.state === 'alive') this.#publishSuspected(backend, 'silent', silent, nowMs)
    const reason = liveness.state === 'suspected' ? `${liveness.reason}, ${silent}` : silent
    this.#gone(backend, { reason, crashed: true }, nowMs)
  }

  #tickGone(backend: KnownBackend, goneMs: number, nowMs: number): void {
    if (backend.connection !== null && goneMs > silentConnectionMs) {
      const { connection } = backend
      this.#emit({ type: 'close', connection, code: closeCodes.policy, reason: 'silent for too long' })
      this.closed(connection, nowMs)
    }
    if (backend.connection === null && goneMs > goneMemoryMs) this.#remove(backend)
  }

  #probe({ hello, probe }: KnownBackend): void {
    if (probe.inFlight) return
    probe.inFlight = true
    probe.nextAtMs = Number.POSITIVE_INFINITY
    this.#emit({ type: 'probe', incarnation: hello.incarnation, url: hello.url })
  }

  #publishJoined({ hello: { name, incarnation, url } }: KnownBackend, nowMs: number): void {
    this.#emit({ type: 'publish', event: { type: 'joined', atMs: nowMs, name, incarnation, url } })
  }

  #publishSuspected({ hello }: KnownBackend, evidence: Evidence, reason: string, nowMs: number): void {
    const { name, incarnation } = hello
    this.#emit({ type: 'publish', event: { type: 'suspected', atMs: nowMs, name, incarnation, reason }, evidence })
  }
}
