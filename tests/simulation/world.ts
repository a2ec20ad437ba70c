/** A world: servers, clients, Kafka and a network between them, all of it virtual, and what must hold in it. */
import type { Logger } from 'pino'
import type { Finding } from '../invariants/finding.ts'
import { History } from '../linearizability/history.ts'
import { Client, type Finished } from './clients.ts'
import { carryOut } from './faults.ts'
import { BackendHost, BalancerHost, ReceiverHost, type Surroundings } from './hosts.ts'
import { type Evidence, Judgement, livelyWithinMs } from './judgement.ts'
import { type BrokerWeather, calmBrokers, SimLog } from './kafka.ts'
import { Kernel } from './kernel.ts'
import { macrotask } from './microtasks.ts'
import { Network } from './network.ts'
import type { Plan } from './plan.ts'
import { type MachineClock, SimProcess } from './process.ts'
import { between, chance, pick, type Random, streamOf } from './random.ts'
import { silentLog, storyLog } from './silent-log.ts'
import { SimSnapshotTopic } from './snapshots.ts'

/** What came of a world. */
export interface Verdict {
  readonly seed: number
  readonly violation: string | null
  readonly operations: number
  readonly answered: number
  readonly events: number
  readonly virtualMs: number
  /** Faults and what they did, by kind. */
  readonly counts: Readonly<Record<string, number>>
  readonly traceHash: string
  readonly story: readonly string[]
}

/** Unix milliseconds when every world begins. */
const wallMs = Date.UTC(2026, 0, 1)
/** Rates of two machines differ by less than leases allow for (1 %). */
const driftMax = 0.004
/** Operations per world, at least. */
export const operationsMin = 200
/** So many are enough: from here on nobody hurries. */
const operationsEnough = 220
/** When replicas and bounds are looked at; also at the end, like all else. */
const judgedAtMs = [3_000, 5_000, 7_000, 9_000, 11_000, 14_000]

export class World implements Surroundings {
  readonly plan: Plan
  readonly kernel: Kernel
  readonly network: Network
  readonly weather: BrokerWeather
  readonly brokers
  readonly shard = new SimLog('shard')
  readonly decisions = new SimLog('decisions')
  readonly snapshots: SimSnapshotTopic | null
  readonly receivers: readonly string[]
  readonly limits
  readonly hold
  readonly backendHosts = new Map<string, BackendHost>()
  readonly receiverHosts = new Map<string, ReceiverHost>()
  readonly balancerHosts = new Map<string, BalancerHost>()
  readonly counts: Record<string, number> = {}
  /** Machines that sleep: nothing happens on them, not even a kill. */
  readonly suspended = new Set<string>()
  /** What clients asked and were told. */
  readonly history: History
  readonly #judgement: Judgement
  readonly #clients: Client[] = []
  readonly #clocks = new Map<string, MachineClock>()
  readonly #verbose: boolean
  readonly #random: Random
  #incarnations = 0
  #violation: string | null = null
  #operations = 0
  #answered = 0
  #lastFaultMs = Number.NEGATIVE_INFINITY

  constructor(plan: Plan, verbose: boolean) {
    this.plan = plan
    this.#verbose = verbose
    this.kernel = new Kernel(verbose)
    this.#random = streamOf(plan.seed, 'world')
    const { latencyMs, slowShare } = plan
    this.network = new Network(this.kernel, streamOf(plan.seed, 'network'), { latencyMs, slowShare, slowMs: 40 })
    this.weather = calmBrokers(plan.brokerMs)
    this.brokers = {
      network: this.network,
      weather: this.weather,
      random: streamOf(plan.seed, 'brokers'),
      count: (kind: string) => this.count(kind),
    }
    this.snapshots = plan.snapshotTailBytes === null ? null : new SimSnapshotTopic()
    this.receivers = names('receiver', plan.receivers).map((name) => `ws://${name}:7070`)
    const { appendDeadlineMs, sessionIdleMs } = plan
    this.hold = { ...plan.hold, bytesMax: 64 * 1024 * 1024 }
    this.limits = {
      ...{
        sessionIdleMs,
        appendDeadlineMs,
        appendDeadlineMaxMs: Math.max(appendDeadlineMs, 1_200),
        settleDelayMaxMs: 200,
      },
      ...{
        snapshotTailBytes: plan.snapshotTailBytes ?? 64 * 1024 * 1024,
        snapshotDelayMs: 500,
        answerDeadlineMs: 5_000,
      },
    }
    this.history = new History(() => this.kernel.nowMs)
    this.#judgement = new Judgement(this.#evidence())
  }

  /** Lets the world run to its end. */
  run(): Promise<Verdict> {
    return macrotask(() => this.#run())
  }

  /** Starts a process of that name anew; the one before is dead. */
  start(name: string): void {
    this.kernel.tell(() => `${name} starts`)
    this.network.powerOn(name)
    const process = this.#process(name)
    if (name.startsWith('backend')) this.backendHosts.set(name, new BackendHost(process, `http://${name}:9001`, this))
    else if (name.startsWith('receiver'))
      this.receiverHosts.set(name, new ReceiverHost(process, `ws://${name}:7070`, this))
    else this.balancerHosts.set(name, new BalancerHost(process, `http://${name}:8080`, this))
  }

  heartbeatMsOf(name: string): number {
    return this.plan.heartbeatsMs?.[name] ?? this.plan.heartbeatMs
  }

  /** The process under a name. */
  processOf(name: string): SimProcess {
    const hosts = [this.backendHosts, this.receiverHosts, this.balancerHosts]
    for (const map of hosts) if (map.has(name)) return map.get(name)!.process
    throw new Error(`assertion: there is no ${name}`)
  }

  get serverNames(): string[] {
    return [...this.backendHosts.keys(), ...this.receiverHosts.keys(), ...this.balancerHosts.keys()]
  }

  /** `kill -9`; it starts again after so long. */
  kill(name: string, againMs: number): void {
    const process = this.processOf(name)
    if (!process.alive || this.suspended.has(name)) return
    this.kernel.tell(() => `${name} is killed, for ${Math.round(againMs)} ms`)
    process.kill()
    this.#startAgain(name, againMs)
  }

  /** SIGTERM: it ends in good order, and starts again so much later. */
  endBackend(name: string, againMs: number): void {
    const host = this.backendHosts.get(name)!
    if (!host.process.alive) return
    this.kernel.tell(() => `${name} is told to end`)
    host.process.take(() => host.end(() => this.#gone(host.process, againMs)))
  }

  /** SIGTERM, as above. */
  endReceiver(name: string, againMs: number): void {
    const host = this.receiverHosts.get(name)!
    if (!host.process.alive) return
    this.kernel.tell(() => `${name} is told to end`)
    host.process.take(() => host.end(() => this.#gone(host.process, againMs)))
  }

  /** Somebody asks for a planned change of active. */
  handOver(random: Random): void {
    const { process, follower } = pick(random, [...this.balancerHosts.values()])
    const to = chance(random, 0.5) ? pick(random, [...this.backendHosts.keys()]) : undefined
    this.kernel.tell(() => `${process.name} asks for a handover to ${to ?? 'anybody'}`)
    process.take(() => follower.handOver({ shard: 0, ...(to !== undefined && { to }) }))
  }

  clockOf(name: string): MachineClock {
    const known = this.#clocks.get(name)
    if (known) return known
    const random = streamOf(this.plan.seed, `clock of ${name}`)
    const clock = {
      rate: 1 + between(random, -driftMax, driftMax),
      wallMs: wallMs + between(random, -2_000, 2_000),
      stoodStillMs: 0,
    }
    this.#clocks.set(name, clock)
    return clock
  }

  /** Something goes wrong now: clients hurry, so that they are there to see it. */
  faulty(forMs = 400): void {
    this.#lastFaultMs = Math.max(this.#lastFaultMs, this.kernel.nowMs + forMs)
  }

  count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }

  logOf(process: SimProcess): Logger {
    if (!this.#verbose) return silentLog
    return storyLog((level, line) => this.kernel.tell(() => `${process.incarnation} ${level}: ${line}`))
  }

  ended(process: SimProcess, error: Error): void {
    const { code } = error as { code?: string }
    if (!process.alive) return
    this.kernel.tell(() => `${process.incarnation} ends by itself: ${error.message}`)
    this.count(`ended by itself: ${code}`)
    if (code !== undefined && !mayEndWith.includes(code))
      this.violated(`${process.incarnation} ended: ${error.message}`)
    process.kill()
    this.#startAgain(process.name, 500)
  }

  /** Holds replicas and bounds against the invariants, now. */
  judge(): void {
    this.#judge((judgement) => judgement.midway())
  }

  violated(what: string): void {
    this.kernel.tell(() => `VIOLATION: ${what}`)
    this.#violation ??= what
    this.kernel.stop()
  }

  #run(): Verdict {
    const { plan, kernel } = this
    for (const name of names('receiver', plan.receivers)) this.#startIn(name, between(this.#random, 0, 100))
    for (const name of names('backend', plan.backends)) this.#startIn(name, between(this.#random, 0, 300))
    for (const name of names('balancer', plan.balancers)) this.#startIn(name, between(this.#random, 0, 100))
    kernel.at(400, () => this.#startClients())
    for (const fault of plan.faults)
      kernel.at(fault.atMs, () => {
        this.faulty()
        this.count(`fault: ${fault.kind}`)
        kernel.tell(() => `FAULT ${fault.kind}`)
        carryOut(this, fault)
      })
    for (const atMs of judgedAtMs) kernel.at(atMs, () => this.judge())
    kernel.at(plan.healedMs, () => this.#heal())
    try {
      kernel.run(plan.endMs)
      for (let more = 0; more < 10 && this.#violation === null && this.#operations < operationsMin; more++) {
        this.faulty(1_000)
        kernel.run(kernel.nowMs + 1_000)
      }
      for (const client of this.#clients) client.end()
      const untilMs = kernel.nowMs + livelyWithinMs
      while (kernel.nowMs < untilMs && this.#violation === null && this.#clients.some(({ waits }) => waits))
        kernel.run(kernel.nowMs + 100)
    } catch (error) {
      this.violated(`the world broke: ${(error as Error).stack}`)
    }
    this.#judge((judgement) => judgement.atTheEnd())
    return this.#verdict()
  }

  #evidence(): Evidence {
    const world = this
    return {
      ...{ plan: this.plan, network: this.network, shard: this.shard.records },
      operations: () => this.history.operations(),
      get nowMs() {
        return world.kernel.nowMs
      },
      get backends() {
        return world.backendHosts.values()
      },
      get receivers() {
        return world.receiverHosts.values()
      },
      get processes() {
        return world.serverNames.map((name) => world.processOf(name))
      },
      get held() {
        return [...world.balancerHosts].map(([name, { lane }]) => [name, lane.held] as const)
      },
    }
  }

  #verdict(): Verdict {
    const { kernel, plan, counts } = this
    return {
      ...{ seed: plan.seed, violation: this.#violation, operations: this.#operations, answered: this.#answered },
      ...{ events: kernel.events, virtualMs: kernel.nowMs, counts, traceHash: kernel.traceHash, story: kernel.story },
    }
  }

  #judge(find: (judgement: Judgement) => Finding | null): void {
    if (this.#violation !== null) return
    const finding = find(this.#judgement)
    if (finding) this.violated(`invariant ${finding.invariant}: ${finding.lines.join('\n  ')}`)
  }

  #startClients(): void {
    const { plan, network } = this
    const balancers = names('balancer', plan.balancers).map((name) => `http://${name}:8080`)
    for (const name of names('client', plan.clients)) {
      const process = this.#process(name)
      const { keys, readShare, keyedShare, impatientShare } = plan
      this.#clients.push(
        new Client({
          ...{ process, network, balancers, history: this.history, keys, readShare, keyedShare, impatientShare },
          thinkMs: () => this.#thinkMs(process.random),
          done: (finished) => this.#finished(finished),
          violated: (what) => this.violated(what),
        }),
      )
    }
  }

  #thinkMs(random: Random): number {
    const hurry = this.kernel.nowMs < this.#lastFaultMs && this.#operations < operationsEnough
    return hurry ? between(random, 0, 30) : between(random, 20, 900)
  }

  #finished({ answered }: Finished): void {
    this.#operations++
    if (answered) this.#answered++
  }

  #process(name: string): SimProcess {
    const incarnation = `${name}#${++this.#incarnations}`
    const process = new SimProcess(this.kernel, name, incarnation, this.clockOf(name), this.plan.seed)
    process.onCrash = (error) => this.violated(`${incarnation} crashed: ${(error as Error).stack}`)
    return process
  }

  #startIn(name: string, delayMs: number): void {
    this.kernel.in(delayMs, () => this.start(name))
  }

  #gone(process: SimProcess, againMs: number): void {
    this.kernel.tell(() => `${process.incarnation} has ended in order`)
    process.kill()
    this.#startAgain(process.name, againMs)
  }

  #startAgain(name: string, againMs: number): void {
    const dead = this.processOf(name)
    this.kernel.in(againMs, () => {
      if (this.processOf(name) === dead) this.start(name)
    })
  }

  /** All is well from now on: what was stopped goes on, what is dead starts again, and Kafka and the network are sound. */
  #heal(): void {
    this.kernel.tell(() => 'all faults end')
    this.network.heal()
    this.network.weather.slowShare = 0
    Object.assign(this.weather, calmBrokers(this.plan.brokerMs))
    for (const name of this.serverNames) {
      const process = this.processOf(name)
      process.eventCostMs = 0
      if (process.stopped) process.resume()
      if (!process.alive) this.start(name)
    }
  }
}

/** What a process may find in a world of faults that are allowed, and end upon. */
const mayEndWith: readonly string[] = ['REFUSED_BY_RECEIVER', 'OUSTED', 'JOURNAL_UNREACHABLE']

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`)
}
