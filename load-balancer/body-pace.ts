/** How slowly a body may come, and how large it may grow. Pure. */

export interface PaceLimits {
  /** How long a client may send nothing, and how long it may take before its rate counts. Milliseconds. */
  pauseMaxMs: number
  /** Least mean rate; 0 for any. */
  bytesPerSecondMin: number
}

/** True if so few bytes came while the client was waited for. */
export function isTooSlow({ pauseMaxMs, bytesPerSecondMin }: PaceLimits, bytes: number, waitedMs: number): boolean {
  return waitedMs > pauseMaxMs && bytes * 1_000 < bytesPerSecondMin * waitedMs
}

/** Tells the time in which a client is waited for from that in which nobody asks it for more. */
export class BodyPace {
  readonly #limits: PaceLimits
  readonly #bytesMax: number
  #bytes = 0
  #waitedMs = 0
  #sinceMs: number | undefined

  /** @param bytesMax largest body; 0 for any */
  constructor(limits: PaceLimits, bytesMax: number, nowMs: number) {
    this.#limits = limits
    this.#bytesMax = bytesMax
    this.#sinceMs = nowMs
  }

  get waiting(): boolean {
    return this.#sinceMs !== undefined
  }

  /** Nobody asks for more now. */
  paused(nowMs: number): void {
    if (this.#sinceMs !== undefined) this.#waitedMs += nowMs - this.#sinceMs
    this.#sinceMs = undefined
  }

  /** The client is asked for more. */
  resumed(nowMs: number): void {
    this.#sinceMs ??= nowMs
  }

  arrived(bytes: number, nowMs: number): 'goes on' | 'too large' | 'too slow' {
    this.paused(nowMs)
    this.resumed(nowMs)
    this.#bytes += bytes
    if (this.#bytesMax > 0 && this.#bytes > this.#bytesMax) return 'too large'
    return isTooSlow(this.#limits, this.#bytes, this.#waitedMs) ? 'too slow' : 'goes on'
  }
}
