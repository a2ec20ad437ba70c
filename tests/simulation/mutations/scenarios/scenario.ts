/** A directed scenario: worlds in which one rare fault is brought about, in a new way for each seed. Sound code must pass them all. */
import type { BackendHost, ReceiverHost } from '../../hosts.ts'
import { kafkaName } from '../../kafka.ts'
import { type Plan, planOf } from '../../plan.ts'
import { between, pick, type Random, streamOf } from '../../random.ts'
import type { World } from '../../world.ts'
import { Callers } from './callers.ts'

export interface Scenario {
  readonly name: string
  /** What is brought about, for the table. */
  readonly what: string
  plan(seed: number): Plan
  /** Called before the world begins; schedules what befalls it. */
  direct(world: World): void
}

const usualHold = { timeMs: 10_000, requestsMax: 10_000 }

/** The plan of a seed without its random faults, in a calm world with some of its features fixed. */
export function calmPlan(seed: number, fixed: Partial<Plan>): Plan {
  const plan = planOf(seed)
  const calm = { faults: [], slowShare: 0, impatientShare: 0, latencyMs: [0.1, 0.6], appendDeadlineMs: 1_000 } as const
  return {
    ...plan,
    ...calm,
    backends: 3,
    balancers: 2,
    heartbeatMs: 100,
    snapshotTailBytes: null,
    hold: usualHold,
    ...fixed,
  }
}

/** From when on a world has settled down, milliseconds, and how long its scenario may go on. */
const stage = { fromMs: 2_500, untilMs: 10_500 }

const usualCalls = { readMs: 5, incrementMs: 25 }

/** What a scenario is played with. */
export class Stage {
  readonly world: World
  readonly random: Random
  readonly callers: Callers

  constructor(world: World, calls: { readMs: number; incrementMs: number; counters?: number } = usualCalls) {
    this.world = world
    this.random = streamOf(world.plan.seed, 'scenario')
    const { readMs, incrementMs, counters = 1 } = calls
    this.callers = new Callers(world, {
      ...{ random: streamOf(world.plan.seed, 'callers'), fromMs: 1_500, untilMs: stage.untilMs + 200 },
      ...{ readEveryMs: readMs, incrementEveryMs: incrementMs, counters },
    })
  }

  /** Again and again, after a time between `lowMs` and `highMs`. */
  again(lowMs: number, highMs: number, act: () => void): void {
    const { kernel } = this.world
    const next = () => {
      if (kernel.nowMs > stage.untilMs) return
      act()
      kernel.in(between(this.random, lowMs, highMs), next)
    }
    kernel.at(stage.fromMs + between(this.random, 0, highMs - lowMs), next)
  }

  in(delayMs: number, act: () => void): void {
    this.world.kernel.in(delayMs, act)
  }

  between(low: number, high: number): number {
    return between(this.random, low, high)
  }

  get living(): BackendHost[] {
    return [...this.world.backendHosts.values()].filter(({ process }) => process.alive)
  }

  /** Who serves, under the highest reign; undefined if nobody does. */
  get active(): BackendHost | undefined {
    const serving = this.living.filter(({ node }) => node.checkpoint.leads)
    return serving.toSorted((one, other) => other.node.checkpoint.reign[0] - one.node.checkpoint.reign[0])[0]
  }

  get leadingReceiver(): ReceiverHost | undefined {
    return [...this.world.receiverHosts.values()].find(({ process, node }) => process.alive && node.leads)
  }

  others(host: BackendHost): BackendHost[] {
    return this.living.filter((other) => other !== host)
  }

  oneOf<Item>(items: readonly Item[]): Item {
    return pick(this.random, items)
  }

  /** An epoch above all that any backend or receiver knows of. */
  freeEpoch(): number {
    const reigns = this.living.map(({ node: { checkpoint } }) => {
      return Math.max(checkpoint.reign[0], checkpoint.status().journalReign[0])
    })
    const decided = [...this.world.receiverHosts.values()].flatMap(({ node }) =>
      node.decisions.map(({ epoch }) => epoch),
    )
    return Math.max(0, ...reigns, ...decided) + 1
  }

  /** A backend is named by no receiver: as if one had done it that lost its journal since. */
  nameBehind(host: BackendHost, epoch: number): void {
    this.world.kernel.tell(() => `SCENARIO ${host.process.name} is named under ${epoch}`)
    host.process.take(() => void host.node.checkpoint.lead(epoch))
  }

  /** Nobody holds a lease up to this epoch, and gets none: as if no receiver had granted any. */
  dropLeases(epoch: number): void {
    for (const { node } of this.living) node.checkpoint.dropLease(epoch)
  }

  /** Nothing gets from one name to the others for so long. */
  cut(from: string, to: readonly string[], forMs: number): void {
    const { kernel, network } = this.world
    kernel.tell(() => `SCENARIO ${from} -> ${to.join(', ')} is cut for ${Math.round(forMs)} ms`)
    for (const name of to) network.cut(from, name, kernel.nowMs + forMs)
  }

  /** In both directions. */
  part(one: string, others: readonly string[], forMs: number): void {
    this.cut(one, others, forMs)
    for (const other of others) this.cut(other, [one], forMs)
  }

  /** It hears nothing from Kafka, and is given nothing to change: it goes on as it is, and does not see the claims of others. */
  blind(name: string, forMs: number): void {
    this.callers.readOnly.add(name)
    this.in(5, () => this.cut(kafkaName, [name], forMs)) // what is under way comes to its answer before
    this.in(forMs + 5, () => this.callers.readOnly.delete(name))
  }

  get receiverNames(): string[] {
    return [...this.world.receiverHosts.keys()]
  }
}
