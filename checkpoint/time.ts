/**
 * Time as a process sees it, handed in: what waits or measures asks this, so that the simulation runs the same code in virtual time, with a
 * clock of its own for each process that may drift, jump or stand still.
 */

/** A clock and its timers. */
export interface Time {
  /** Monotonic milliseconds, with fractions. Stands still in a suspended machine. */
  now(): number
  /** Unix milliseconds of the wall clock, which people and time servers may set. */
  wall(): number
  /** Calls back once after so long; returns what cancels it. */
  after(delayMs: number, callback: () => void): () => void
  /** Calls back again and again; returns what ends it. */
  every(intervalMs: number, callback: () => void): () => void
  /** Calls back after this turn of the event loop: what else arrived in it comes first. */
  soon(callback: () => void): void
}

/** The real one. */
export const realTime: Time = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
  every(intervalMs, callback) {
    const timer = setInterval(callback, intervalMs)
    return () => clearInterval(timer)
  },
  soon: (callback) => void setImmediate(callback),
}

/** Resolves after so long. */
export function sleep(time: Time, delayMs: number): Promise<void> {
  return new Promise((resolve) => void time.after(delayMs, resolve))
}

/** Resolves after this turn of the event loop. */
export function nextTurn(time: Time): Promise<void> {
  return new Promise((resolve) => time.soon(resolve))
}
