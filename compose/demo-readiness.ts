/** When the next failure may come: all backends are there and caught up, and what one did because it started is done. */
import type { Cluster } from './cluster.ts'
import { askBackends, isReadyStandby, pause, until } from './demo-watch.ts'
import { processorTimeMs } from './process-figures.ts'

/** How long all backends may take to be there and caught up; and how much longer for each key that they hold. */
const joinTimeoutMs = 30_000
const joinTimeoutPerKeyMs = 0.1
/** How long a backend that came back may go on with what only a start makes it do: compiling, giving memory back. */
const settleTimeoutMs = 10_000
/** It is done with that when it took less than this share of a processor for so long. */
const settledShare = 0.3
const settledMs = 500

/** Resolves when there is an active and all others are ready to take over; rejects with NOT_IN_TIME, later the more `keys` they hold. */
export async function untilAllReady(cluster: Cluster, keys: number, signal: AbortSignal): Promise<void> {
  const check = async () => {
    const views = await askBackends(cluster.receiverHttp)
    const standbys = views.filter(isReadyStandby).length
    return (
      views.some(({ alive, active, phase }) => alive && active && phase === 'active') &&
      standbys === cluster.backends.length - 1
    )
  }
  const timeoutMs = joinTimeoutMs + keys * joinTimeoutPerKeyMs
  await until(check, { what: 'an active and all standbys', timeoutMs, signal })
}

/** What a start costs must not be taken for what the next failover costs. Not for ever, if there is always something to do. */
export async function untilSettled(pid: number, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + settleTimeoutMs
  let beforeMs = await processorTimeMs(pid)
  while (beforeMs !== undefined && performance.now() < deadlineMs) {
    await pause(settledMs, signal)
    const nowMs = await processorTimeMs(pid)
    if (nowMs === undefined || nowMs - beforeMs < settledShare * settledMs) return
    beforeMs = nowMs
  }
}
