/**
 * The connections to one backend, as the replay lane sees them. Over sockets they are a pool of undici's (`forward.ts`); whoever hands in others
 * drives the handler of undici's that `Sending` is.
 */
import type { Target } from './routing.ts'
import type { Outgoing, Sending, SendingListener } from './sending.ts'

export interface BackendConnections {
  /** Signs of life so far. */
  readonly heard: number
  /** True if no more may be sent now. */
  readonly full: boolean
  /** True if connections are being opened as fast as it is good. */
  readonly crowded: boolean
  /** Sendings whose answer has not begun for the client, oldest first. */
  waiting(): Sending[]
  /** Takes a connection for one sending; `dispatch` is to follow at once. */
  prepare(outgoing: Outgoing, listener: SendingListener, nowMs: number): Sending
  /** Sends it. What cannot be sent fails before this returns. */
  dispatch(sending: Sending, outgoing: Outgoing): void
  /** Asks for a sign of life on a connection of its own; `unreachable` is told if none could be made. */
  ask(path: string, unreachable: (error: Error) => void): void
  /** Takes no more requests, and gives up those that wait, or that may move; the others may end within `graceMs`. */
  retire(graceMs: number, which: 'all' | 'movable'): void
  destroy(): void
}

/** Makes connections to `target`. `settled` is called each time a connection was made or not, and when there is room again. */
export type Connect = (target: Target, settled: () => void) => BackendConnections
