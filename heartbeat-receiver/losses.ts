/** What the person at the terminal is told when a backend is lost, and when nobody can lead. Pure; part of the receiver's core. */
import type { Effect } from './events.ts'
import type { KnownBackend } from './known-backend.ts'
import type { Decision } from './protocol.ts'
import type { Loss } from './roster.ts'

export class Losses {
  readonly #emit: (effect: Effect) => void
  /** The crash of the active, until it is decided who comes after it. */
  #untold: Loss | null = null
  /** Set while a decision is needed and nobody can be named; said once. */
  #vacantSinceMs: number | null = null

  constructor(emit: (effect: Effect) => void) {
    this.#emit = emit
  }

  /** The first evidence of why nobody leads; null while somebody does. */
  get vacantSinceMs(): number | null {
    return this.#vacantSinceMs
  }

  /** A standby's crash is told at once, the active's together with what was decided. */
  take(loss: Loss, ofActive: boolean, serving: Decision | null, nowMs: number): void {
    if (ofActive) this.#untold = loss
    else this.#tell(loss, serving, false, nowMs)
  }

  /** Somebody leads, perhaps since just now: the active's crash is told, if it crashed. */
  settle(leader: Decision | null, decided: boolean, nowMs: number): void {
    this.#vacantSinceMs = null
    this.#tellActive(leader, decided, nowMs)
  }

  /** Another receiver decides, and tells what it decided: `leader`, or null if that is not known. Whoever watches this one hears of it too. */
  leaveToOthers(leader: Decision | null, nowMs: number): void {
    const loss = this.#untold
    this.#untold = null
    this.#vacantSinceMs = null
    if (loss && leader) this.#tell(loss, leader, true, nowMs, { quiet: true })
  }

  /** A backend that was not the active is lost, and another receiver tells of it. */
  takeQuietly(loss: Loss, serving: Decision | null, nowMs: number): void {
    this.#tell(loss, serving, false, nowMs, { quiet: true })
  }

  /** Nobody can be named. */
  vacate(
    why: { reason: string; detectedAtMs: number; epoch: number },
    backends: readonly KnownBackend[],
    nowMs: number,
  ) {
    this.#tellActive(null, false, nowMs)
    if (this.#vacantSinceMs !== null) return
    this.#vacantSinceMs = why.detectedAtMs
    const starting = backends.flatMap(({ hello, liveness, status }) => {
      if (liveness.state !== 'alive' || status?.phase !== 'starting') return []
      return [{ name: hello.name, ratio: status.progress?.ratio ?? null }]
    })
    this.#emit({ type: 'vacant', epoch: why.epoch, reason: why.reason, starting })
  }

  #tellActive(leader: Decision | null, decided: boolean, nowMs: number): void {
    const loss = this.#untold
    this.#untold = null
    if (loss) this.#tell(loss, leader, decided, nowMs)
  }

  #tell(
    { sinceMs, ...lost }: Loss,
    leader: Decision | null,
    decided: boolean,
    nowMs: number,
    quiet: { quiet?: true } = {},
  ): void {
    const told = leader && { name: leader.name, epoch: leader.epoch, decided }
    this.#emit({ type: 'crashed', crash: { ...lost, tookMs: nowMs - sinceMs, leader: told }, ...quiet })
  }
}
