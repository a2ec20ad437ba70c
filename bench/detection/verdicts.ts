/** What a receiver said of backends of which none was touched: each suspicion and each failover is a false one. Pure. */
import type { ReceiverEvent } from '../../heartbeat-receiver/protocol.ts'

export interface FalseAlarms {
  /** Suspicions by what they were for, such as `silent`. */
  readonly suspicions: Readonly<Record<string, number>>
  /** Decisions that named another backend than the one that led. */
  readonly failovers: readonly string[]
  /** Backends that were judged to be gone. */
  readonly judged: number
}

/** Of the events from `fromMs` on, Unix milliseconds. */
export function falseAlarms(events: readonly ReceiverEvent[], fromMs: number): FalseAlarms {
  const suspicions: Record<string, number> = {}
  const failovers: string[] = []
  let judged = 0
  for (const event of events) {
    if (event.atMs < fromMs) continue
    if (event.type === 'suspected') {
      const kind = event.reason.replace(/[\d.]+/g, 'N')
      suspicions[kind] = (suspicions[kind] ?? 0) + 1
    }
    if (event.type === 'left' && event.crashed) judged++
    if (event.type === 'decided' && event.previous !== null && event.previous !== event.decision.name)
      failovers.push(`${event.previous} → ${event.decision.name}: ${event.reason}`)
  }
  return { suspicions, failovers, judged }
}
