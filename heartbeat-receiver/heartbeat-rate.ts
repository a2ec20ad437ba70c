/** How often backends are asked for a heartbeat. Pure. */

/** Longest interval that a receiver can be configured with, milliseconds. */
export const heartbeatMsMax = 60_000
/** Heartbeats that one receiver is asked to take, per second: a few percent of a core. */
const heartbeatsPerSecondMax = 5_000

/**
 * The interval for a fleet of so many backends, milliseconds: the configured one up to 500 backends (at 100 ms), then doubled as often as
 * it takes, so that it changes seldom. The active is always asked for the configured one: its silence is what clients would notice.
 */
export function heartbeatIntervalMs(configuredMs: number, backends: number): number {
  let intervalMs = configuredMs
  while ((backends / intervalMs) * 1_000 > heartbeatsPerSecondMax) intervalMs *= 2
  return intervalMs
}
