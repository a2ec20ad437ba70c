/** The last heartbeats of each backend, as the live view draws them. Pure. */

import type { Beats } from '../../heartbeat-receiver/dashboard/fold.ts'

/** Windows that are kept: those of about two seconds. */
export const windowsMax = 10

/** Heartbeats of each backend in the last windows, oldest first; by name. */
export type Pulses = ReadonlyMap<string, readonly number[]>

export const noPulses: Pulses = new Map()

/** After a window in which `beats` came to `names`; whoever is not named is forgotten. */
export function pulsesAfter(pulses: Pulses, beats: Beats, names: readonly string[]): Pulses {
  return new Map(names.map((name) => [name, [...(pulses.get(name) ?? []), beats.get(name) ?? 0].slice(-windowsMax)]))
}
