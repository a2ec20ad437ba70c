/** Asks with a fresh TCP connection whether anybody listens at a backend's URL. */
import { connect } from 'node:net'
import type { ProbeOutcome } from './events.ts'

/** A probe that takes longer has no answer worth waiting for, milliseconds. */
export const probeTimeoutMs = 500

/** Connects and closes at once. Never rejects. */
export function probe(url: string, timeoutMs = probeTimeoutMs): Promise<ProbeOutcome> {
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) })
    const timer = setTimeout(() => settle('timed-out'), timeoutMs)
    const settle = (outcome: ProbeOutcome) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome)
    }
    socket.once('connect', () => settle('connected'))
    socket.on('error', (error) => settle(outcomeOf(error)))
  })
}

function outcomeOf(error: NodeJS.ErrnoException): ProbeOutcome {
  // A name with several addresses: refused only if all of them refuse.
  const errors: NodeJS.ErrnoException[] = error instanceof AggregateError ? error.errors : [error]
  if (errors.every(({ code }) => code === 'ECONNREFUSED')) return 'refused'
  return errors.some(({ code }) => code === 'ETIMEDOUT') ? 'timed-out' : 'unreachable'
}
