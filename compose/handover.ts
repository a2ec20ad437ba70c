/** `heartline handover`: a planned change of active, asked for by a person or a deployment. */
import type { Logger } from 'pino'
import { z } from 'zod'
import { flag, textList } from '../checkpoint/units.ts'
import { type DecisionFollower, followDecisions } from '../heartbeat-receiver/index.ts'
import type { HandedOver } from '../heartbeat-receiver/protocol.ts'
import { type LinkPorts, realPorts } from '../heartbeat-receiver/receiver-link.ts'
import { ComposeError } from './errors.ts'

export const handoverOptions = z.object({
  receivers: textList
    .prefault('ws://127.0.0.1:7070')
    .meta({ description: 'heartbeat receivers, comma separated; the one that leads does it' }),
  to: z.string().min(1).max(128).optional().meta({
    description: 'name of the backend that is to become active; without it the one that is next in order',
  }),
  token: z.string().min(1).max(1024).optional().meta({ description: 'shared secret of the installation' }),
  json: flag.default(false).meta({ description: 'print one JSON object instead of a sentence' }),
})
export type HandoverOptions = z.infer<typeof handoverOptions>

/** How long it may take to find a receiver that leads, milliseconds: longer than another needs to take its place. */
const findTimeoutMs = 3_000
/** How long the answer may take, milliseconds: longer than the receiver itself gives the new active. */
const answerTimeoutMs = 10_000
/** Nobody may be ready just now: a standby is starting, or one record behind. It is asked again so often, for so long, milliseconds. */
const retryPauseMs = 100
const patienceMs = 2_000
const passing: ReadonlySet<HandedOver['failure']> = new Set(['no-active', 'no-successor', 'not-ready'])

/** What is to be done. */
export type HandoverRequest = Pick<HandoverOptions, 'receivers' | 'to' | 'token'>

/** Prints what came of it; rejects with HANDOVER_FAILED or NO_RECEIVER if nothing did. */
export async function runHandover(options: HandoverOptions, log: Logger, signal: AbortSignal): Promise<number> {
  const result = await handOver(options, log, signal)
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
  if (result.failure !== undefined) throw new ComposeError('HANDOVER_FAILED', describeFailure(result))
  if (!options.json) process.stdout.write(`${describeHandover(result)}\n`)
  return 0
}

/**
 * Asks the receiver that leads to name another active, and waits until that one is ready, or will not be.
 * @throws ComposeError NO_RECEIVER if none answers or none leads, NOT_IN_TIME
 */
export async function handOver(
  { receivers, to, token }: HandoverRequest,
  log: Logger,
  signal: AbortSignal,
  ports: LinkPorts = realPorts,
): Promise<HandedOver> {
  signal.throwIfAborted()
  const quiet = log.child({}, { level: 'error' }) // what it waits for is said at the end, in one line
  const follower = followDecisions({ receivers, token, role: 'observer', name: 'handover', log: quiet, ports })
  try {
    return await untilDone(follower, { receivers, to, ports, signal })
  } finally {
    follower.close()
  }
}

interface Waiting {
  readonly receivers: readonly string[]
  readonly to: string | undefined
  readonly ports: LinkPorts
  readonly signal: AbortSignal
}

function untilDone(follower: DecisionFollower, { receivers, to, ports, signal }: Waiting): Promise<HandedOver> {
  const { promise, resolve, reject } = Promise.withResolvers<HandedOver>()
  const heard = new Set<string>()
  /** Who was asked as the one that leads. */
  let asked: string | null = null
  let cancel = ports.after(findTimeoutMs, () => reject(nobodyLeads(receivers, heard)))
  let cancelRetry = () => undefined as unknown
  let patientUntilMs = 0
  const ask = () => follower.handOver({ shard: 0, ...(to === undefined ? {} : { to }) })
  follower.on('receiver', (receiver, leads) => {
    heard.add(receiver)
    if (!leads || asked !== null) return
    asked = receiver
    cancel()
    cancel = ports.after(answerTimeoutMs, () => reject(noAnswer(receiver)))
    patientUntilMs = ports.now() + patienceMs
    ask()
  })
  follower.on('handed-over', ({ type: _, ...result }: HandedOver & { type?: string }, receiver) => {
    if (result.failure === 'not-leading') {
      if (receiver === asked) asked = null // another leads since: it is asked as soon as it says so
    } else if (passing.has(result.failure) && ports.now() < patientUntilMs) cancelRetry = ports.after(retryPauseMs, ask)
    else resolve(result)
  })
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  return promise.finally(() => {
    cancel()
    cancelRetry()
    signal.removeEventListener('abort', onAbort)
  })
}

function nobodyLeads(receivers: readonly string[], heard: ReadonlySet<string>): ComposeError {
  const reason =
    heard.size === 0
      ? `no receiver answers: ${receivers.join(', ')}`
      : `no receiver leads yet, of ${receivers.join(', ')}; try again when one does`
  return new ComposeError('NO_RECEIVER', reason)
}

function noAnswer(receiver: string): ComposeError {
  const waited = `${receiver} did not say within ${answerTimeoutMs} ms what came of it`
  return new ComposeError('NOT_IN_TIME', `${waited}; heartline status shows who is active`)
}

/** One sentence for a person. */
export function describeHandover({ from, to, epoch, tookMs }: HandedOver): string {
  const before = from === null ? '' : ` in place of ${from}`
  return `${to} is active${before}, epoch ${epoch}; it took ${tookMs < 10 ? tookMs.toFixed(1) : Math.round(tookMs)} ms`
}

const failures: Record<NonNullable<HandedOver['failure']>, string> = {
  'not-leading': 'the receiver that was asked does not lead',
  'no-active': 'no backend is active, so there is nothing to hand over',
  'no-successor': 'no standby could take over; start one, or wait until it has caught up',
  'unknown-name': 'there is no backend of that name; heartline status lists them',
  'not-ready': 'that backend is not ready to take over; heartline status shows how far it is',
  'timed-out': 'the new active was not ready in time; heartline status shows who is active',
}

function describeFailure({ failure, reason }: HandedOver): string {
  return `nothing was handed over: ${reason ?? failures[failure!]}`
}
