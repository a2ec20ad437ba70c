/** What is shown of a backend. Pure. */
import type { KnownBackend } from './known-backend.ts'
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
    progress: liveness.state === 'gone' ? null : (status?.progress ?? null),
  }
}
