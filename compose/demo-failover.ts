/** What is known of one failover, put together from the receiver's events and the clients' answers. Pure. */
import type { ReceiverEvent } from '../heartbeat-receiver/protocol.ts'

/** How the active is made to fail. */
export type KillSignal = 'SIGKILL' | 'SIGSTOP'

/** One failover as `demo --json` reports it: milliseconds since the signal was sent; null for what did not happen. */
export interface FailoverReport {
  backend: string
  signal: KillSignal
  /** The receiver suspected the backend. */
  detectedMs: number | null
  /** The receiver's decision for another was in force. */
  decidedMs: number | null
  /** The new active's claim was valid. */
  readyMs: number | null
  /** A client had the first good answer of the new epoch. */
  firstAnswerMs: number | null
  /** Longest time between two successive good answers of any clients around it. */
  pauseMs: number | null
}

export interface Kill {
  backend: string
  incarnation: string
  /** The epoch under which it was active. */
  epoch: number
  signal: KillSignal
  /** Unix milliseconds. */
  atMs: number
}

/** What the clients saw; undefined for what they have not seen yet. */
export interface Seen {
  firstAnswerAtMs: number | undefined
  pauseMs: number | undefined
}

/** Follows one failover from its kill. */
export class FailoverWatch {
  readonly kill: Kill
  #detectedAtMs: number | undefined
  #decided: { atMs: number; name: string; epoch: number } | undefined
  #readyAtMs: number | undefined

  constructor(kill: Kill) {
    this.kill = kill
  }

  /** The new active and its epoch, once decided. */
  get successor(): { name: string; epoch: number } | undefined {
    return this.#decided
  }

  /** True once the receiver knows a new active that is ready. */
  get ready(): boolean {
    return this.#readyAtMs !== undefined
  }

  /** Events of before the kill, and of other backends, change nothing. */
  hear(event: ReceiverEvent): void {
    const { kill } = this
    if (event.atMs < kill.atMs) return
    if (event.type === 'suspected' && event.incarnation === kill.incarnation) this.#detectedAtMs ??= event.atMs
    if (event.type === 'decided' && event.decision.epoch > kill.epoch) {
      const { name, epoch } = event.decision
      this.#decided ??= { atMs: event.atMs, name, epoch }
      if (event.detectedAtMs >= kill.atMs) this.#detectedAtMs ??= event.detectedAtMs
    }
    if (event.type === 'ready' && event.epoch > kill.epoch) this.#readyAtMs ??= event.atMs
  }

  report({ firstAnswerAtMs, pauseMs }: Seen): FailoverReport {
    const { backend, signal, atMs } = this.kill
    const since = (eventAtMs: number | undefined) => (eventAtMs === undefined ? null : tenths(eventAtMs - atMs))
    return {
      backend,
      signal,
      detectedMs: since(this.#detectedAtMs),
      decidedMs: since(this.#decided?.atMs),
      readyMs: since(this.#readyAtMs),
      firstAnswerMs: since(firstAnswerAtMs),
      pauseMs: pauseMs === undefined ? null : tenths(pauseMs),
    }
  }
}

/** True if all of it happened. */
export function isComplete(failover: FailoverReport): boolean {
  const { detectedMs, decidedMs, readyMs, firstAnswerMs, pauseMs } = failover
  return [detectedMs, decidedMs, readyMs, firstAnswerMs, pauseMs].every((value) => value !== null)
}

function tenths(valueMs: number): number {
  return Math.round(valueMs * 10) / 10
}
