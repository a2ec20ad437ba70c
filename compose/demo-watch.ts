/** What the demo knows of a running cluster: the receiver's events and answers, and the lines of the processes' logs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { EventSource, type MessageEvent } from 'undici'
import type { BackendView, ReceiverEvent } from '../heartbeat-receiver/protocol.ts'
import { ComposeError } from './errors.ts'

const eventTypes: ReceiverEvent['type'][] = ['joined', 'left', 'suspected', 'decided', 'ready', 'fenced']
const pollIntervalMs = 20
const answerTimeoutMs = 2_000

/** Calls `listener` with every event of the receiver from now on; connects again by itself. The returned function ends it. */
export function followEvents(receiverHttp: string, listener: (event: ReceiverEvent) => void): () => void {
  const source = new EventSource(`${receiverHttp}/api/events`)
  for (const type of eventTypes)
    source.addEventListener(type, (message) => listener(JSON.parse((message as MessageEvent).data)))
  return () => source.close()
}

/** What the receiver knows of the backends; none while it does not answer. */
export async function askBackends(receiverHttp: string): Promise<BackendView[]> {
  try {
    const response = await fetch(`${receiverHttp}/api/backends`, { signal: AbortSignal.timeout(answerTimeoutMs) })
    return response.ok ? ((await response.json()) as BackendView[]) : []
  } catch {
    return [] // asked again by whoever waits for an answer, within a bound
  }
}

/** True for a backend that could take over at once. */
export function isReadyStandby({ alive, active, phase }: BackendView): boolean {
  return alive && !active && phase === 'standby'
}

export interface Waiting {
  /** What is waited for, as in "waited for …". */
  what: string
  timeoutMs: number
  signal: AbortSignal
}

/** Resolves with the first value of `check` that is not undefined or false. Rejects with NOT_IN_TIME, or when `signal` is aborted. */
export async function until<Value>(
  check: () => Value | undefined | false | Promise<Value | undefined | false>,
  { what, timeoutMs, signal }: Waiting,
): Promise<Value> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    signal.throwIfAborted()
    const value = await check()
    if (value !== undefined && value !== false) return value
    if (performance.now() > deadlineMs)
      throw new ComposeError('NOT_IN_TIME', `waited ${timeoutMs} ms for ${what}, and it did not happen`)
    await pause(pollIntervalMs, signal)
  }
}

/** Waits. Rejects with the signal's reason when it is aborted. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted())
}
