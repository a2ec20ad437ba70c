/** The heartbeat receiver: hears backends, decides who is active, tells whoever follows. */
import type { Logger } from 'pino'
import type { ReceiverOptions } from './config.ts'
import type { ReceiverDependencies, RunningReceiver } from './service.ts'

export { type ReceiverOptions, receiverOptions } from './config.ts'
export { DecisionFollower, type FollowOptions, followDecisions } from './decision-follower.ts'
export { ReceiverError, type ReceiverErrorCode, receiverErrors } from './errors.ts'
export type { BackendView, Decision, Member, ReceiverEvent } from './protocol.ts'
export type { ReceiverDependencies, RunningReceiver } from './service.ts'

/**
 * Starts a receiver; resolves when it listens, which does not wait for Kafka. Ends when `signal` is aborted.
 * @throws ReceiverError PORT_IN_USE, CANNOT_LISTEN, UNSAFE_LISTEN
 */
export async function startReceiver(
  options: ReceiverOptions,
  log: Logger,
  signal: AbortSignal,
  dependencies?: ReceiverDependencies,
): Promise<RunningReceiver> {
  const service = await import('./service.ts') // only here: a balancer that follows needs none of the server
  return service.startReceiver(options, log, signal, dependencies)
}
