/** Holds a world against the invariants of the protocol: what clients were told, what the journal holds, and what each replica makes of it. */
import { acknowledged, atMostOnce } from '../invariants/acknowledged.ts'
import { bounded, type Gauge } from '../invariants/bounds.ts'
import type { Finding } from '../invariants/finding.ts'
import { linearizable } from '../invariants/linearizable.ts'
import { PlainFold } from '../invariants/plain-fold.ts'
import { recovered } from '../invariants/recovery.ts'
import { equalReplicas, oneReign, type ReplicaView } from '../invariants/replicas.ts'
import type { Operation } from '../linearizability/operation.ts'
import type { BackendHost, ReceiverHost } from './hosts.ts'
import type { Network } from './network.ts'
import type { Plan } from './plan.ts'
import type { SimProcess } from './process.ts'

/** Longest that an operation may take when all is well again, milliseconds. */
export const livelyWithinMs = 3_000
/** So many must have been asked then, or nothing was shown. */
const livelyOperationsMin = 5

/** What is judged; read at the moment of judging. */
export interface Evidence {
  readonly plan: Plan
  readonly nowMs: number
  readonly network: Network
  readonly shard: readonly Uint8Array[]
  readonly backends: Iterable<BackendHost>
  readonly receivers: Iterable<ReceiverHost>
  readonly processes: Iterable<SimProcess>
  readonly held: Iterable<readonly [name: string, requests: number]>
  operations(): Operation[]
}

/** Per process: an order of magnitude above what a world of this size needs. */
const timersMax = 1_000
const connectionsMax = 300
const connectionsOfReceiverMax = 60

export class Judgement {
  readonly #evidence: Evidence
  readonly #fold = new PlainFold()

  constructor(evidence: Evidence) {
    this.#evidence = evidence
  }

  /** What must hold at any moment. */
  midway(): Finding | null {
    const { shard, backends } = this.#evidence
    this.#fold.follow(shard)
    const views = [...backends].flatMap((host) => viewsOf(host))
    return oneReign(views, this.#fold) ?? equalReplicas(views, this.#fold) ?? this.#bounds()
  }

  /** What must hold of the whole. */
  atTheEnd(): Finding | null {
    const operations = this.#evidence.operations()
    return (
      this.midway() ??
      linearizable(operations) ??
      atMostOnce(operations, this.#fold) ??
      acknowledged(operations, this.#fold) ??
      this.#recovery(operations)
    )
  }

  #recovery(operations: readonly Operation[]): Finding | null {
    const { plan, nowMs, backends } = this.#evidence
    for (const { process, node } of backends) {
      const { phase } = node.checkpoint
      if (phase !== 'standby' && phase !== 'active')
        return { invariant: 6, lines: [`${process.incarnation} is ${phase}, long after all was healed`] }
    }
    return recovered(operations, {
      fromMs: plan.livelyMs,
      withinMs: livelyWithinMs,
      untilMs: nowMs + livelyWithinMs, // whoever still waits has waited for as long
      operationsMin: livelyOperationsMin,
    })
  }

  #bounds(): Finding | null {
    const { plan, processes, network, held, receivers } = this.#evidence
    const gauges: Gauge[] = []
    for (const process of processes) {
      if (!process.alive) continue
      gauges.push({ name: `${process.incarnation} timers`, value: process.timers, max: timersMax })
      gauges.push({
        name: `${process.incarnation} connections`,
        value: network.openOf(process),
        max: connectionsMax,
      })
    }
    for (const { process, open } of receivers)
      gauges.push({ name: `${process.incarnation} peers`, value: open, max: connectionsOfReceiverMax })
    for (const [name, value] of held) gauges.push({ name: `${name} held requests`, value, max: plan.hold.requestsMax })
    return bounded(gauges)
  }
}

/** A replica at rest; none while it is restored from a snapshot, or has anything under way. */
function viewsOf({ process, node }: BackendHost): ReplicaView[] {
  const { checkpoint } = node
  const { phase, offset, journalReign, queued } = checkpoint.status()
  if (!process.alive || queued > 0 || (phase !== 'standby' && phase !== 'active')) return []
  return [{ name: process.incarnation, offset, reign: journalReign, state: checkpoint.snapshot() }]
}
