/** What the receiver knows of one backend, and how that changes when the backend is heard. Pure. */
import { journalGrowth } from './journal-extent.ts'
import type { Heartbeat, Hello } from './protocol.ts'
import { Suspicion } from './suspicion.ts'

/** How a backend was found wanting. */
export type Evidence = 'closed' | 'silent' | 'reported' | 'absent'

/**
 * `alive`: heard, and nothing speaks against it. `suspected`: evidence, not judged yet; not chosen. `gone`: judged; its reign is over.
 * A living backend that was judged by mistake becomes alive again at its next heartbeat, and finds itself fenced.
 */
export type Liveness =
  | { readonly state: 'alive' }
  | { readonly state: 'suspected'; readonly evidence: Evidence; readonly reason: string; readonly sinceMs: number }
  | {
      readonly state: 'gone'
      readonly reason: string
      /** The first evidence. */
      readonly sinceMs: number
      readonly judgedAtMs: number
      /** It said so itself, or its parent did: what it may still send changes nothing. */
      readonly said: boolean
      /** It is certain that the process is no more. */
      readonly proven: boolean
    }

/** A probe asks again while a process that is just ending may still hold its port. */
export interface ProbeState {
  inFlight: boolean
  nextAtMs: number
  pauseMs: number
}

/** Named and did not lead: how often of late, and until when it is not named again. */
export interface Setbacks {
  count: number
  lastAtMs: number
  untilMs: number
}

export interface KnownBackend {
  hello: Omit<Hello, 'type' | 'version' | 'token'>
  /** The open connection; null if there is none. */
  connection: number | null
  /** When it joined, in order: lower is more senior. */
  readonly seniority: number
  readonly suspicion: Suspicion
  /** The heartbeat interval it was told. */
  intervalMs: number
  /** When its silence is judged, if nothing is heard before. */
  judgeAtMs: number
  status: Heartbeat | null
  /** When that was heard. */
  statusAtMs: number
  /** How many heartbeats of this incarnation came. */
  heartbeats: number
  /** Records by which it saw the journal grow from one heartbeat to the next. */
  growth: number
  liveness: Liveness
  probe: ProbeState
  /** The balancer that cannot reach it, since when, and when it said so last. */
  reported: { by: string; sinceMs: number; lastMs: number } | null
  setbacks: Setbacks
  refusal: { epoch: number; reason: string } | null
}

/** First pause between two probes, milliseconds; doubled up to the last. */
export const probePauseMs = 10
export const probePauseMaxMs = 50

/** A setback older than this is forgotten, milliseconds. */
const setbackMemoryMs = 10_000
const setbackPauseMs = 100
const setbackPauseMaxMs = 5_000

export function createBackend(
  hello: KnownBackend['hello'],
  options: { connection: number | null; seniority: number; intervalMs: number; nowMs: number },
): KnownBackend {
  const suspicion = new Suspicion(options.intervalMs, options.nowMs)
  return {
    hello,
    connection: options.connection,
    seniority: options.seniority,
    suspicion,
    intervalMs: options.intervalMs,
    judgeAtMs: options.nowMs + suspicion.patienceMs(),
    status: null,
    statusAtMs: options.nowMs,
    heartbeats: 0,
    growth: 0,
    liveness: { state: 'alive' },
    probe: { inFlight: false, nextAtMs: Number.POSITIVE_INFINITY, pauseMs: probePauseMs },
    reported: null,
    setbacks: { count: 0, lastAtMs: Number.NEGATIVE_INFINITY, untilMs: 0 },
    refusal: null,
  }
}

/** It said something: its silence begins anew. `loopDelayMs` as it says; `stalledMs` is how long this receiver had stalled when it read that. */
export function heard(backend: KnownBackend, nowMs: number, loopDelayMs = 0, stalledMs = 0): void {
  const { liveness } = backend
  const listening = liveness.state === 'alive' || (liveness.state === 'suspected' && liveness.evidence === 'reported')
  if (listening) backend.suspicion.heard(nowMs, loopDelayMs, stalledMs)
  else backend.suspicion.expect(backend.intervalMs, nowMs) // the gap of an outage is not a gap between heartbeats
  backend.judgeAtMs = nowMs + backend.suspicion.patienceMs()
}

/** Takes over what a heartbeat says; returns what the one before it said. */
export function updateStatus(backend: KnownBackend, heartbeat: Heartbeat, nowMs: number): Heartbeat | null {
  const before = backend.status
  const gapMs = nowMs - backend.statusAtMs
  backend.growth = before ? journalGrowth(before, heartbeat, gapMs, backend.intervalMs) : 0
  backend.status = heartbeat
  backend.statusAtMs = nowMs
  backend.heartbeats++
  return before
}

/** It was named and did not lead. The first time it may be named again at once, then after growing pauses. */
export function setBack(backend: KnownBackend, nowMs: number): void {
  const { setbacks } = backend
  if (nowMs - setbacks.lastAtMs > setbackMemoryMs) setbacks.count = 0
  const pauseMs = setbacks.count === 0 ? 0 : Math.min(setbackPauseMs * 2 ** (setbacks.count - 1), setbackPauseMaxMs)
  setbacks.count++
  setbacks.lastAtMs = nowMs
  setbacks.untilMs = nowMs + pauseMs
}

/** True if it says that it is to be chosen for nothing. */
export function isDraining({ status }: KnownBackend): boolean {
  return status?.draining === true
}

/** True if it can be told to drain. */
export function takesDrain({ hello }: KnownBackend): boolean {
  return hello.takes?.includes('drain') === true
}

export function hadSetback(backend: KnownBackend, nowMs: number): boolean {
  return backend.setbacks.count > 0 && nowMs - backend.setbacks.lastAtMs <= setbackMemoryMs
}
