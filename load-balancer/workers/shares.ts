/** What of the balancer's bounds one of several workers gets, so that all together keep to them. Pure. */
import type { BalancerOptions } from '../config.ts'

/** The options of one of `workers` workers. Rounded up: a bound that is given is never none. */
export function optionsOfWorker(options: BalancerOptions, workers: number): BalancerOptions {
  const share = (bound: number) => Math.ceil(bound / workers)
  return {
    ...options,
    workers: 1,
    holdRequests: share(options.holdRequests),
    holdBytes: share(options.holdBytes),
    backendRequests: share(options.backendRequests),
    connections: share(options.connections),
    // 0 is no limit, and stays so.
    connectionsPerClient: share(options.connectionsPerClient),
    requestsPerClient: share(options.requestsPerClient),
    retryFloor: options.retryFloor / workers,
    // Its parent tells it who is there.
    receivers: [],
    backends: [],
  }
}
