/** Follows a failover of the demo until its pause is over. */
import type { FailoverReport, FailoverWatch } from './demo-failover.ts'
import { pause, until } from './demo-watch.ts'
import { ComposeError } from './errors.ts'
import type { LoadThread } from './load/load-thread.ts'

/** How long a failover may take before it counts as one that did not happen; longer than a balancer holds a request. */
export const failoverTimeoutMs = 15_000
/** How long the clients are watched after the first answer of a new active, for the pause to be over. */
const aftermathMs = 1_000

/** Resolves with what is known of it: all, or as much as happened in time. Rejects when `signal` is aborted. */
export async function followFailover(
  watch: FailoverWatch,
  load: LoadThread,
  signal: AbortSignal,
): Promise<FailoverReport> {
  const { epoch, atMs } = watch.kill
  const over = () => watch.ready && load.firstAbove(epoch) !== undefined
  try {
    await until(over, { what: 'the failover', timeoutMs: failoverTimeoutMs, signal })
    await pause(aftermathMs, signal)
  } catch (error) {
    if (!(error instanceof ComposeError) || error.code !== 'NOT_IN_TIME') throw error
  }
  const first = load.firstAbove(epoch)
  const pauseMs = first && load.pauseMs(atMs, first.atMs + aftermathMs)
  return watch.report({ firstAnswerAtMs: first?.atMs, pauseMs })
}
