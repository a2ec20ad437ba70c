/** Asks with a fresh TCP connection whether anybody listens at a backend's or another receiver's URL. */
import { connect } from 'node:net'
import type { ProbeOutcome } from './events.ts'

/** A probe that takes longer has no answer worth waiting for, milliseconds. */
export const probeTimeoutMs = 500
/**
 * A dying process may close the connection that we watch before the port it listens on: for a moment the system still accepts, and then
 * resets. So a connection counts only if it lives for so long, milliseconds; one that does not is tried again at once.
 */
const provenMs = 5
const attemptsMax = 4

/** Connects and closes. Never rejects. */
export async function probe(url: string, timeoutMs = probeTimeoutMs): Promise<ProbeOutcome> {
  const deadlineMs = performance.now() + timeoutMs
  for (let attempt = 1; attempt < attemptsMax; attempt++) {
    const outcome = await probeOnce(url, deadlineMs)
    if (outcome !== 'reset') return outcome
  }
  return 'connected' // whoever keeps closing connections is there
}

function probeOnce(url: string, deadlineMs: number): Promise<ProbeOutcome | 'reset'> {
  const remainingMs = deadlineMs - performance.now()
  if (remainingMs <= 0) return Promise.resolve('timed-out')
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' || protocol === 'wss:' ? 443 : 80) })
    let connected = false
    let timer = setTimeout(() => settle('timed-out'), remainingMs)
    const settle = (outcome: ProbeOutcome | 'reset') => {
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome)
    }
    socket.once('connect', () => {
      connected = true
      clearTimeout(timer)
      timer = setTimeout(() => settle('connected'), provenMs)
    })
    socket.once('end', () => settle('reset'))
    socket.on('error', (error) => settle(connected ? 'reset' : outcomeOf(error)))
    socket.resume()
  })
}

function outcomeOf(error: NodeJS.ErrnoException): ProbeOutcome | 'reset' {
  if (error.code === 'ECONNRESET') return 'reset'
  // A name with several addresses: refused only if all of them refuse.
  const errors: NodeJS.ErrnoException[] = error instanceof AggregateError ? error.errors : [error]
  if (errors.every(({ code }) => code === 'ECONNREFUSED')) return 'refused'
  return errors.some(({ code }) => code === 'ETIMEDOUT') ? 'timed-out' : 'unreachable'
}
