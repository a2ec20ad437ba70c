/** The load balancer: follows the decisions, and holds and replays requests while the active changes. */
import type { Logger } from 'pino'
import { journalPorts } from '../checkpoint/index.ts'
import { realTime } from '../checkpoint/time.ts'
import { followDecisions } from '../heartbeat-receiver/index.ts'
import { type RunningBalancer, runBalancer } from './balancer.ts'
import type { BalancerOptions } from './config.ts'
import { DecisionJournal } from './decision-journal.ts'
import { DecisionSources, type ReceiverFollower } from './decision-sources.ts'
import { runWorkers } from './workers/workers.ts'

export type { RunningBalancer } from './balancer.ts'
export { type BalancerOptions, balancerOptions } from './config.ts'
export { BalancerError, type BalancerErrorCode } from './errors.ts'

/** Starts a balancer; resolves when it listens. `signal` stops it in order. Rejects with a {@link BalancerError}. */
export function startBalancer(options: BalancerOptions, log: Logger, signal: AbortSignal): Promise<RunningBalancer> {
  const { receivers, name, token } = options
  const heard = followDecisions({
    receivers,
    role: 'balancer',
    name,
    log,
    ...(token === undefined ? {} : { token }),
  })
  // Without receivers nobody decides, and there is nothing to read.
  const follower = receivers.length === 0 ? heard : withJournal(options, heard, log)
  const run = options.workers > 1 ? runWorkers : runBalancer
  return run(options, follower, log, signal)
}

/** What the receivers say, and what they have written down while none of them is heard. */
function withJournal({ kafka, topicPrefix }: BalancerOptions, receivers: ReceiverFollower, log: Logger) {
  const ports = () =>
    journalPorts({ kafka, topic: `${topicPrefix}.decisions`, clientId: 'heartline-balancer', log: silent })
  const silent = log.child({}, { level: 'silent' })
  const time = realTime
  return new DecisionSources({
    receivers,
    journal: (read) => new DecisionJournal({ ports, read, log, time }),
    time,
  })
}
