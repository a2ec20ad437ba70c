/**
 * Whether a target takes requests. After a failure it is left alone for a pause that doubles to a bound;
 * then one request goes ahead as a scout, and the others follow once it got through. Pure.
 */

export type Gate =
  | { state: 'open' }
  /** Nobody goes; the pause is running. */
  | { state: 'pausing'; pauseMs: number }
  /** The pause is over; one may go. */
  | { state: 'waiting for scout'; pauseMs: number }
  | { state: 'scouting'; pauseMs: number }

export const pauseFirstMs = 20
export const pauseMaxMs = 250
export const openGate: Gate = { state: 'open' }

/** The target failed. Failures during a pause are echoes of the same one. */
export function afterFailure(gate: Gate): Gate {
  switch (gate.state) {
    case 'open':
      return { state: 'pausing', pauseMs: pauseFirstMs }
    case 'pausing':
      return gate
    case 'waiting for scout':
    case 'scouting':
      return { state: 'pausing', pauseMs: Math.min(gate.pauseMs * 2, pauseMaxMs) }
  }
}

export function afterPause(gate: Gate): Gate {
  return gate.state === 'pausing' ? { state: 'waiting for scout', pauseMs: gate.pauseMs } : gate
}

/** True if a request may go now. */
export function lets(gate: Gate): boolean {
  return gate.state === 'open' || gate.state === 'waiting for scout'
}

/** A request went. */
export function afterGoing(gate: Gate): Gate {
  return gate.state === 'waiting for scout' ? { state: 'scouting', pauseMs: gate.pauseMs } : gate
}

/** The scout's client left, or it takes long, before it was known whether it got through: another may go. */
export function afterScoutLeft(gate: Gate): Gate {
  return gate.state === 'scouting' ? { state: 'waiting for scout', pauseMs: gate.pauseMs } : gate
}
