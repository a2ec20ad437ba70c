/** Carries out what befalls a world. Whom it befalls, and for how long, is drawn from the fault's own seed when it comes. */

import type { Connection } from './connection.ts'
import { kafkaName } from './kafka.ts'
import type { Fault, FaultKind } from './plan.ts'
import { between, chance, pick, type Random, streamOf } from './random.ts'
import type { World } from './world.ts'

type CarryOut = (world: World, random: Random) => void

/** Faults end at the latest when the world is healed. */
function durationMs(world: World, random: Random, low: number, high: number): number {
  const wanted = low * (high / low) ** random() // as many short ones as long ones
  return Math.max(1, Math.min(wanted, world.plan.healedMs - world.kernel.nowMs))
}

/** The active more often than another. */
function aBackend(world: World, random: Random): string {
  const all = [...world.backendHosts.values()]
  const leading = all.filter(({ process, node }) => process.alive && node.checkpoint.leads)
  return leading.length > 0 && chance(random, 0.7) ? pick(random, leading).process.name : pick(random, all).process.name
}

function aReceiver(world: World, random: Random): string {
  const all = [...world.receiverHosts.values()]
  const leading = all.filter(({ process, node }) => process.alive && node.leads)
  return leading.length > 0 && chance(random, 0.6) ? pick(random, leading).process.name : pick(random, all).process.name
}

function aBalancer(world: World, random: Random): string {
  return pick(random, [...world.balancerHosts.keys()])
}

export function stop(world: World, name: string, forMs: number): void {
  const process = world.processOf(name)
  if (!process.alive || process.stopped) return
  world.kernel.tell(() => `${name} is stopped for ${Math.round(forMs)} ms`)
  process.stop()
  world.kernel.in(forMs, () => {
    world.faulty()
    world.kernel.tell(() => `${name} goes on`)
    process.resume()
  })
}

/** The whole machine sleeps: its monotonic clock stands still meanwhile, its wall clock does not. */
export function suspend(world: World, name: string, forMs: number): void {
  const process = world.processOf(name)
  if (!process.alive || process.stopped) return
  world.kernel.tell(() => `${name}'s machine is suspended for ${Math.round(forMs)} ms`)
  process.stop()
  world.suspended.add(name)
  world.kernel.in(forMs, () => {
    world.clockOf(name).stoodStillMs += forMs
    world.suspended.delete(name)
    world.faulty()
    world.kernel.tell(() => `${name}'s machine wakes up`)
    process.resume()
  })
}

function slow(world: World, random: Random, name: string): void {
  const process = world.processOf(name)
  const forMs = durationMs(world, random, 100, 3_000)
  process.eventCostMs = between(random, 0.2, 4)
  world.kernel.tell(
    () => `${name} takes ${process.eventCostMs.toFixed(1)} ms for each event, for ${Math.round(forMs)} ms`,
  )
  world.kernel.in(forMs, () => {
    process.eventCostMs = 0
  })
}

function reset(world: World, random: Random, between: (connection: Connection) => boolean): void {
  const found = [...world.network.connections].filter(between)
  if (found.length === 0) return
  const connection = pick(random, found)
  const [near, far] = connection.ends
  const hears = (): number | null =>
    chance(random, 0.6) ? random() * 2 : chance(random, 0.5) ? random() * 1_000 : null
  const after: [number | null, number | null] = [hears(), hears()]
  world.kernel.tell(
    () =>
      `a middlebox forgets ${near.process.name} - ${far.process.name}: ${after.map((ms) => ms?.toFixed(1) ?? 'silent').join(', ')}`,
  )
  connection.reset(after)
}

function isBetween(left: string, right: string): (connection: Connection) => boolean {
  return ({ ends: [near, far] }) =>
    (near.process.name.startsWith(left) && far.process.name.startsWith(right)) ||
    (near.process.name.startsWith(right) && far.process.name.startsWith(left))
}

function cut(world: World, random: Random, left: string, right: string, longestMs = 4_000): void {
  const forMs = durationMs(world, random, 10, longestMs)
  const untilMs = world.kernel.nowMs + forMs
  const way = random()
  world.kernel.tell(
    () => `${left} ${way < 0.25 ? '->' : way < 0.5 ? '<-' : '<->'} ${right} is cut for ${Math.round(forMs)} ms`,
  )
  if (way < 0.25 || way >= 0.5) world.network.cut(left, right, untilMs)
  if (way >= 0.25) world.network.cut(right, left, untilMs)
  world.kernel.at(untilMs, () => world.faulty())
}

function cutFromAll(world: World, random: Random, name: string, others: readonly string[]): void {
  const untilMs = world.kernel.nowMs + durationMs(world, random, 20, 4_000)
  world.kernel.tell(() => `${name} is cut off from ${others.join(', ')} until ${Math.round(untilMs)} ms`)
  for (const other of others) {
    world.network.cut(name, other, untilMs)
    world.network.cut(other, name, untilMs)
  }
  world.kernel.at(untilMs, () => world.faulty())
}

function spell(share: 'dropShare' | 'answerLostShare' | 'lateShare' | 'brokenShare' | 'lyingShare'): CarryOut {
  return (world, random) => {
    const forMs = durationMs(world, random, 30, 1_500)
    world.weather[share] = between(random, 0.05, 0.9)
    world.weather.lateMs = pick(random, [20, 200, 1_500])
    world.kernel.tell(() => `${share} ${world.weather[share].toFixed(2)} for ${Math.round(forMs)} ms`)
    world.faulty(forMs)
    world.kernel.in(forMs, () => {
      world.weather[share] = 0
    })
  }
}

const deeds: Readonly<Record<FaultKind, CarryOut>> = {
  'kill backend': (world, random) => world.kill(aBackend(world, random), durationMs(world, random, 5, 2_000)),
  'power off backend': (world, random) => {
    const name = aBackend(world, random)
    if (!world.processOf(name).alive || world.suspended.has(name)) return
    world.network.powerOff(name)
    world.kill(name, durationMs(world, random, 200, 4_000))
  },
  'stop backend': (world, random) => stop(world, aBackend(world, random), durationMs(world, random, 10, 4_000)),
  'suspend backend': (world, random) => suspend(world, aBackend(world, random), durationMs(world, random, 10, 4_000)),
  'slow backend': (world, random) => slow(world, random, aBackend(world, random)),
  'end backend in order': (world, random) =>
    world.endBackend(aBackend(world, random), durationMs(world, random, 20, 1_000)),
  'hand over': (world, random) => world.handOver(random),
  'kill receiver': (world, random) => world.kill(aReceiver(world, random), durationMs(world, random, 5, 2_000)),
  'stop receiver': (world, random) => stop(world, aReceiver(world, random), durationMs(world, random, 10, 3_000)),
  'suspend receiver': (world, random) => suspend(world, aReceiver(world, random), durationMs(world, random, 10, 3_000)),
  'slow receiver': (world, random) => slow(world, random, aReceiver(world, random)),
  'end receiver in order': (world, random) =>
    world.endReceiver(aReceiver(world, random), durationMs(world, random, 20, 1_000)),
  'kill balancer': (world, random) => world.kill(aBalancer(world, random), durationMs(world, random, 5, 1_000)),
  'stop balancer': (world, random) => stop(world, aBalancer(world, random), durationMs(world, random, 10, 3_000)),
  'kill all': (world, random) => {
    for (const name of world.serverNames) world.kill(name, durationMs(world, random, 50, 1_000))
  },
  'decisions lost': (world, random) => {
    for (const [name, { process }] of world.receiverHosts) {
      if (world.suspended.has(name)) return // its memory would outlive the journal
      if (process.alive) world.kill(name, durationMs(world, random, 50, 1_500))
    }
    world.kernel.tell(() => 'the journal of decisions is lost')
    world.decisions.lose()
  },
  'reset heartbeats': (world, random) => reset(world, random, isBetween('backend', 'receiver')),
  'reset peer link': (world, random) => reset(world, random, isBetween('receiver', 'receiver')),
  'reset requests': (world, random) => reset(world, random, isBetween('balancer', 'backend')),
  'reset decisions': (world, random) => reset(world, random, isBetween('balancer', 'receiver')),
  'cut heartbeats': (world, random) => cut(world, random, aBackend(world, random), aReceiver(world, random)),
  'cut peers': (world, random) => cut(world, random, aReceiver(world, random), aReceiver(world, random)),
  'cut requests': (world, random) => cut(world, random, aBalancer(world, random), aBackend(world, random)),
  'cut decisions': (world, random) => cut(world, random, aBalancer(world, random), aReceiver(world, random)),
  'cut backend from Kafka': (world, random) => cut(world, random, aBackend(world, random), kafkaName, 2_500),
  'cut receiver from Kafka': (world, random) => cut(world, random, aReceiver(world, random), kafkaName, 2_500),
  isolate: (world, random) => {
    const name = pick(random, [aBackend(world, random), aReceiver(world, random)])
    cutFromAll(world, random, name, [...world.serverNames, kafkaName])
  },
  partition: (world, random) => {
    const untilMs = world.kernel.nowMs + durationMs(world, random, 50, 4_000)
    const names = [...world.serverNames, kafkaName]
    const left = names.filter(() => chance(random, 0.5))
    const right = names.filter((name) => !left.includes(name))
    const oneWay = chance(random, 0.25)
    world.kernel.tell(() => `${left} ${oneWay ? '->' : '<->'} ${right} are cut until ${Math.round(untilMs)} ms`)
    for (const one of left)
      for (const other of right) {
        world.network.cut(one, other, untilMs)
        if (!oneWay) world.network.cut(other, one, untilMs)
      }
    world.faulty(untilMs - world.kernel.nowMs + 300)
  },
  'deaf balancer': (world, random) =>
    cutFromAll(world, random, aBalancer(world, random), [...world.receiverHosts.keys(), kafkaName]),
  'unheard backend': (world, random) =>
    cutFromAll(world, random, aBackend(world, random), [...world.receiverHosts.keys()]),
  'slow network': (world, random) => {
    const forMs = durationMs(world, random, 100, 2_000)
    world.network.weather.slowShare = between(random, 0.05, 0.5)
    world.network.weather.slowMs = pick(random, [10, 60, 250])
    world.faulty(forMs)
    world.kernel.in(forMs, () => {
      world.network.weather.slowShare = world.plan.slowShare
    })
  },
  'Kafka down': (world, random) => {
    const forMs = durationMs(world, random, 20, 3_000)
    world.kernel.tell(() => `Kafka is down for ${Math.round(forMs)} ms`)
    world.weather.downUntilMs = Math.max(world.weather.downUntilMs, world.kernel.nowMs + forMs)
    world.kernel.in(forMs, () => world.faulty())
  },
  'appends dropped': spell('dropShare'),
  'answers lost': spell('answerLostShare'),
  'appends late': spell('lateShare'),
  'appends broken': spell('brokenShare'),
  'answers false': spell('lyingShare'),
  'tail late': (world, random) => {
    const forMs = durationMs(world, random, 50, 2_000)
    world.weather.tailDelayMs = pick(random, [5, 50, 400])
    world.faulty(forMs)
    world.kernel.in(forMs, () => {
      world.weather.tailDelayMs = world.plan.brokerMs.fetch
    })
  },
  'wall jump': (world, random) => {
    const name = pick(random, [aBackend(world, random), aReceiver(world, random)])
    const byMs = pick(random, [-3_600_000, -2_000, -300, 300, 2_000, 3_600_000])
    world.kernel.tell(() => `the wall clock of ${name} jumps by ${byMs} ms`)
    world.clockOf(name).wallMs += byMs
  },
}

/** Lets it happen. */
export function carryOut(world: World, { kind, seed }: Fault): void {
  deeds[kind](world, streamOf(seed, kind))
}
