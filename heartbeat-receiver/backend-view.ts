/** What is shown of a backend. Pure. */
import type { BoardBackend } from './dashboard/board.ts'
import { isDraining, type KnownBackend, takesDrain } from './known-backend.ts'
import type { BackendView } from './protocol.ts'
import type { InForce } from './verdict.ts'

export function viewBackend(backend: KnownBackend, inForce: InForce | null, nowMs: number): BackendView {
  const { hello, status, liveness, suspicion } = backend
  const active = inForce?.decision.incarnation === hello.incarnation
  return {
    name: hello.name,
    incarnation: hello.incarnation,
    url: hello.url,
    weight: hello.weight,
    phase: status?.phase ?? 'starting',
    alive: liveness.state !== 'gone',
    active,
    reign: status?.reign ?? [0, 0],
    offset: status?.offset ?? 0,
    lag: status?.lag ?? 0,
    inFlight: status?.inFlight ?? 0,
    eventLoopDelayMs: status?.eventLoopDelayMs ?? 0,
    silentMs: nowMs - suspicion.heardAtMs,
    suspicion: suspicion.phi(nowMs),
    activeSinceMs: active ? inForce.readySinceMs : null,
    draining: isDraining(backend),
    progress: liveness.state === 'gone' ? null : (status?.progress ?? null),
  }
}

/** What the board shows of a backend, and what else it is made from. */
export interface Sighting {
  readonly backend: BoardBackend
  /** When it was judged to be gone; null while it is there. */
  readonly goneAtMs: number | null
  /** False while it says nothing, or is gone. */
  readonly journalReachable: boolean | null
  /** It can be told to drain. */
  readonly drains: boolean
}

/** φ beyond this says nothing more: it was judged long before. */
const suspicionMax = 20

/** The backend as the board shows it, its figures in no more digits than anybody can see. */
export function sightBackend(backend: KnownBackend, inForce: InForce | null, nowMs: number): Sighting {
  const { status, liveness, suspicion, judgeAtMs } = backend
  const { silentMs, ...view } = viewBackend(backend, inForce, nowMs)
  const gone = liveness.state === 'gone'
  const silence = gone ? 1 : Math.min(1, Math.max(0, silentMs / (judgeAtMs - suspicion.heardAtMs)))
  return {
    backend: {
      ...view,
      eventLoopDelayMs: rounded(view.eventLoopDelayMs, 10),
      suspicion: gone ? suspicionMax : rounded(Math.min(view.suspicion, suspicionMax), 100),
      silence: rounded(silence, 100),
      draining: isDraining(backend),
      gone: gone ? liveness.reason : null,
    },
    goneAtMs: gone ? liveness.judgedAtMs : null,
    journalReachable: gone ? null : (status?.journalReachable ?? null),
    drains: liveness.state === 'alive' && takesDrain(backend),
  }
}

function rounded(value: number, grain: number): number {
  return Math.round(value * grain) / grain
}
