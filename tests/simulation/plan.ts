/**
 * What a world is and what befalls it, drawn from its seed before it begins. Each world has some kinds of faults and not others ("swarm
 * testing", Groce et al., ISSTA 2012): two faults that seldom meet in a world of all kinds meet often in one of few. Pure.
 */
import { between, chance, pick, type Random, randomBelow, streamOf } from './random.ts'

/** Every kind of fault; `faults.ts` carries them out. */
export const faultKinds = [
  'kill backend',
  'power off backend',
  'stop backend',
  'suspend backend',
  'slow backend',
  'end backend in order',
  'hand over',
  'kill receiver',
  'stop receiver',
  'suspend receiver',
  'slow receiver',
  'end receiver in order',
  'kill balancer',
  'stop balancer',
  'kill all',
  'decisions lost',
  'reset heartbeats',
  'reset peer link',
  'reset requests',
  'reset decisions',
  'cut heartbeats',
  'cut peers',
  'cut requests',
  'cut decisions',
  'cut backend from Kafka',
  'cut receiver from Kafka',
  'isolate',
  'partition',
  'deaf balancer',
  'unheard backend',
  'slow network',
  'Kafka down',
  'appends dropped',
  'answers lost',
  'appends late',
  'appends broken',
  'answers false',
  'tail late',
  'wall jump',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  readonly atMs: number
  readonly kind: FaultKind
  /** What else is to be drawn for it, drawn from a source of its own. */
  readonly seed: number
}

export interface Plan {
  readonly seed: number
  readonly backends: number
  readonly receivers: number
  readonly balancers: number
  readonly clients: number
  readonly heartbeatMs: number
  /** Of receivers whose heartbeat is another, by name. */
  readonly heartbeatsMs?: Readonly<Record<string, number>>
  readonly latencyMs: readonly [number, number]
  readonly slowShare: number
  readonly appendDeadlineMs: number
  /** How long one append takes at the brokers, and a fetch beyond the network's time, milliseconds. */
  readonly brokerMs: { readonly append: number; readonly fetch: number }
  /** A snapshot is due after so many bytes of journal; null: none are taken. */
  readonly snapshotTailBytes: number | null
  /** A session of a balancer that is silent for so long is ended. */
  readonly sessionIdleMs: number
  /** What balancers hold. */
  readonly hold: { readonly timeMs: number; readonly requestsMax: number }
  readonly readShare: number
  readonly keyedShare: number
  readonly impatientShare: number
  /** Objects of each kind. */
  readonly keys: number
  readonly faults: readonly Fault[]
  /** From here on nothing fails. */
  readonly healedMs: number
  /** From here on every operation must succeed in time. */
  readonly livelyMs: number
  readonly endMs: number
}

/** Share of faults that come soon upon another. */
const clusteredShare = 0.45
export const faultsFromMs = 1_500
const healedMs = 11_000
const livelyMs = 19_000
const endMs = 21_000

/** Kinds of which one world has at most one: together they stop both clocks of a machine, which no lease survives and none promises to. */
const exclusive: readonly FaultKind[] = ['suspend backend', 'wall jump']

/** @param only the one kind of fault that the world has, whatever its seed would have */
export function planOf(seed: number, only?: FaultKind): Plan {
  const random = streamOf(seed, 'plan')
  const drawn = kindsOf(random)
  const kinds = only === undefined ? drawn : [only]
  const count = 3 + randomBelow(random, 26)
  const faults: Fault[] = []
  for (let index = 0; index < count; index++) {
    faults.push({
      atMs: Math.round(between(random, faultsFromMs, healedMs)),
      kind: pick(random, kinds),
      seed: randomBelow(random, 2 ** 31),
    })
  }
  // One often comes upon another.
  for (let index = 1; index < faults.length; index++) {
    const before = faults[index - 1]!
    if (chance(random, clusteredShare))
      faults[index] = { ...faults[index]!, atMs: Math.min(healedMs, Math.round(before.atMs + between(random, 0, 250))) }
  }
  const fast = between(random, 0.05, 0.3)
  return {
    seed,
    backends: pick(random, [2, 3, 3, 3, 4]),
    receivers: pick(random, [1, 2, 2, 3]),
    balancers: pick(random, [1, 2, 2]),
    clients: 3 + randomBelow(random, 4),
    heartbeatMs: pick(random, [100, 200, 300]),
    latencyMs: [fast, fast + between(random, 0.05, 1.5)],
    slowShare: chance(random, 0.5) ? 0 : between(random, 0, 0.03),
    appendDeadlineMs: pick(random, [60, 150, 400, 1_000]),
    brokerMs: { append: pick(random, [0.2, 0.5, 2, 8]), fetch: pick(random, [0, 0.5, 4, 15]) },
    snapshotTailBytes: chance(random, 0.5) ? null : Math.round(between(random, 2_000, 40_000)),
    sessionIdleMs: pick(random, [600_000, 600_000, 2_500]),
    hold: { timeMs: pick(random, [10_000, 10_000, 1_500]), requestsMax: pick(random, [10_000, 10_000, 2]) },
    readShare: between(random, 0.2, 0.7),
    keyedShare: pick(random, [0.2, 0.5, 0.9]),
    impatientShare: chance(random, 0.5) ? 0 : 0.2,
    keys: pick(random, [1, 1, 2, 3]),
    faults: faults.sort((left, right) => left.atMs - right.atMs),
    healedMs,
    livelyMs,
    endMs,
  }
}

function kindsOf(random: Random): FaultKind[] {
  const share = pick(random, [0.1, 0.2, 0.4, 0.7])
  const excluded = pick(random, exclusive)
  const kinds = faultKinds.filter((kind) => kind !== excluded && chance(random, share))
  return kinds.length > 0 ? kinds : [pick(random, faultKinds)]
}
