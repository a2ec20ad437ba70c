/** What the demo knows of a running cluster: the receiver's events and answers, and the lines of the processes' logs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type BackendView, messageBytesMax, type ReceiverEvent } from '../heartbeat-receiver/protocol.ts'
import { ComposeError } from './errors.ts'

const reconnectDelayMs = 200
const pollIntervalMs = 20
const answerTimeoutMs = 2_000

/**
 * Calls `listener` with every event of the receiver, the last ones of before among them; connects again by itself.
 * The returned function ends it. Read by hand, for the EventSource of Node and of undici is an experiment that warns at each start.
 */
export function followEvents(receiverHttp: string, listener: (event: ReceiverEvent) => void): () => void {
  const ending = new AbortController()
  void follow(`${receiverHttp}/api/events`, listener, ending.signal)
  return () => ending.abort()
}

async function follow(url: string, listener: (event: ReceiverEvent) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(url, { signal })
      for await (const event of readEvents(response)) listener(event)
    } catch {
      // The receiver is away, or we are ending. Its events are kept for who comes again.
    }
    await sleep(reconnectDelayMs, undefined, { signal }).catch(() => {})
  }
}

/** The `data:` lines of server-sent events; the data says its type itself. */
async function* readEvents(response: Response): AsyncGenerator<ReceiverEvent> {
  if (!response.ok || !response.body) return
  let rest = ''
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.startsWith('data:')) yield JSON.parse(line.slice('data:'.length))
    if (rest.length > messageBytesMax) throw new Error('the receiver sent a line that never ends')
  }
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

/** True if this receiver decides; false if another does, or it does not answer. */
export async function askLeads(receiverHttp: string): Promise<boolean> {
  try {
    const response = await fetch(`${receiverHttp}/readyz`, { signal: AbortSignal.timeout(answerTimeoutMs) })
    return response.ok && ((await response.json()) as { leads?: boolean }).leads === true
  } catch {
    return false
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
