/** The load balancer: follows the decisions, and holds and replays requests while the active changes. */
import type { Logger } from 'pino'
import { followDecisions } from '../heartbeat-receiver/index.ts'
import { type RunningBalancer, runBalancer } from './balancer.ts'
import type { BalancerOptions } from './config.ts'
import { runWorkers } from './workers/workers.ts'

export type { RunningBalancer } from './balancer.ts'
export { type BalancerOptions, balancerOptions } from './config.ts'
export { BalancerError, type BalancerErrorCode } from './errors.ts'

/** Starts a balancer; resolves when it listens. `signal` stops it in order. Rejects with a {@link BalancerError}. */
export function startBalancer(options: BalancerOptions, log: Logger, signal: AbortSignal): Promise<RunningBalancer> {
  const { receivers, name, token } = options
  const follower = followDecisions({
    receivers,
    role: 'balancer',
    name,
    log,
    ...(token === undefined ? {} : { token }),
  })
  const run = options.workers > 1 ? runWorkers : runBalancer
  return run(options, follower, log, signal)
}
