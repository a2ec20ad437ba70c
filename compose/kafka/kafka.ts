/** Starts Apache Kafka on this machine, in KRaft mode, from its published jars: for development, tests, demos and benchmarks. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { OrphanGuard } from '../../load-balancer/replicas/orphan-guard.ts'
import { ComposeError } from '../errors.ts'
import { Broker } from './broker.ts'
import { withClassArchive } from './class-archive.ts'
import { openDataDirectory } from './data-directory.ts'
import { checkPortFree, freePorts } from './ports.ts'
import { untilServing } from './ready.ts'
import { prepareKafka } from './runtime.ts'
import type { BrokerPlace } from './settings.ts'

const readyTimeoutMs = 60_000
/** The last of three brokers has lost its quorum and waits in vain; its data are safe, Kafka recovers them at the next start. */
const stopGraceMs = { kept: 5_000, fresh: 1_000 }
const freePortAttempts = 3

export interface KafkaOptions {
  /** Of the first broker; the others count up. 0 picks free ones. */
  port: number
  /** 1, or 3 with replication 3 and `min.insync.replicas` 2. */
  brokers: 1 | 3
  /** Keeps the data; without it a fresh directory is used, and removed at the end. */
  dataDir?: string
  /** A loopback address, as these brokers ask nobody for a password. Default 127.0.0.1. */
  host?: string
  log: Logger
  signal?: AbortSignal
}

export interface LocalKafka {
  /** `HOST:PORT` of each broker, as `--kafka` takes them. */
  brokers: string[]
  /** Process ids of the brokers that run. */
  readonly pids: number[]
  /** Ends all brokers in order; resolves when no process and no temporary file is left. */
  stop(): Promise<void>
  /** Sends one broker (from 0) a signal, by default SIGKILL. */
  kill(index: number, signal?: NodeJS.Signals): void
  /** Starts a killed broker again, on its data and its port; resolves when it has joined. */
  restart(index: number): Promise<void>
  /** Resolves with the reason once no broker is left, though nobody asked for it. */
  died: Promise<ComposeError>
}

/** Resolves when it really serves. Rejects with a {@link ComposeError} that says what to do, and leaves nothing behind. */
export async function startKafka(options: KafkaOptions): Promise<LocalKafka> {
  const { log, signal } = options
  const host = options.host ?? '127.0.0.1'
  if (options.port !== 0)
    for (let index = 0; index < options.brokers; index++) await checkPortFree(host, options.port + index)
  const runtime = await withClassArchive(await prepareKafka(log, signal), log, signal)

  for (let attempt = 1; ; attempt++) {
    const temporary = options.dataDir === undefined
    const directory = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'heartline-kafka-')))
    const guard = new OrphanGuard({ log, ...(temporary ? { temporaryDirectory: directory } : {}) })
    const places = await placesFor(options, host, directory)
    const kafka = new RunningKafka(
      places.map((place) => new Broker(place, runtime, log)),
      { guard, log, stopGraceMs: temporary ? stopGraceMs.fresh : stopGraceMs.kept },
    )
    try {
      const clusterId = await openDataDirectory(directory, options.brokers)
      await kafka.start(clusterId, signal)
      return kafka
    } catch (error) {
      await kafka.stop()
      // A free port was free only when it was asked for.
      const taken = options.port === 0 && error instanceof ComposeError && error.code === 'PORT_IN_USE'
      if (!taken || attempt === freePortAttempts) throw error
      log.debug({ attempt }, 'a free port was taken before Kafka got it; trying others')
    }
  }
}

async function placesFor(options: KafkaOptions, host: string, directory: string): Promise<BrokerPlace[]> {
  const free = await freePorts(host, 2 * options.brokers)
  return Array.from({ length: options.brokers }, (_, index) => ({
    id: index + 1,
    host,
    port: options.port === 0 ? free[index]! : options.port + index,
    controllerPort: free[options.brokers + index]!,
    directory: join(directory, `broker-${index + 1}`),
  }))
}

class RunningKafka implements LocalKafka {
  readonly brokers: string[]
  readonly died: Promise<ComposeError>
  readonly #nodes: Broker[]
  readonly #guard: OrphanGuard
  readonly #log: Logger
  readonly #stopGraceMs: number
  readonly #expected = new Set<Broker>()
  #reportDeath: (reason: ComposeError) => void = () => {}

  constructor(nodes: Broker[], options: { guard: OrphanGuard; log: Logger; stopGraceMs: number }) {
    this.brokers = nodes.map(({ place }) => `${place.host}:${place.port}`)
    this.died = new Promise((resolve) => {
      this.#reportDeath = resolve
    })
    this.#nodes = nodes
    this.#guard = options.guard
    this.#log = options.log
    this.#stopGraceMs = options.stopGraceMs
  }

  get pids(): number[] {
    return this.#nodes.flatMap((node) => node.pid ?? [])
  }

  async start(clusterId: string, signal?: AbortSignal): Promise<void> {
    const places = this.#nodes.map((node) => node.place)
    await Promise.all(this.#nodes.map((node) => node.format(clusterId, places)))
    signal?.throwIfAborted()
    const limit = AbortSignal.timeout(readyTimeoutMs)
    const ends = signal ? AbortSignal.any([signal, limit]) : limit
    await Promise.all(this.#nodes.map((node) => this.#run(node, ends)))
    await this.#untilServing(signal)
  }

  kill(index: number, signal: NodeJS.Signals = 'SIGKILL'): void {
    const node = this.#node(index)
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#expected.add(node)
    node.signal(signal)
  }

  async restart(index: number): Promise<void> {
    const node = this.#node(index)
    await node.stop(this.#stopGraceMs)
    this.#expected.delete(node)
    await this.#run(node, AbortSignal.timeout(readyTimeoutMs))
    await this.#untilServing()
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes) this.#expected.add(node)
    await Promise.all(this.#nodes.map((node) => node.stop(this.#stopGraceMs)))
    await this.#guard.close()
  }

  #node(index: number): Broker {
    const node = this.#nodes[index]
    if (!node) throw new RangeError(`there is no broker ${index}, only 0 to ${this.#nodes.length - 1}`)
    return node
  }

  async #run(node: Broker, signal: AbortSignal): Promise<void> {
    await node.start()
    const pid = node.pid
    if (pid !== undefined) this.#guard.add(pid)
    void node.exited.then(async (exit) => {
      if (pid !== undefined) this.#guard.remove(pid)
      await this.#onExit(node, { ...exit, pid })
    })
    await node.untilListening(signal)
  }

  async #onExit(node: Broker, exit: Record<string, unknown>): Promise<void> {
    const broker = `${node.place.host}:${node.place.port}`
    const fields = { event: 'exited', broker, ...exit }
    if (this.#expected.has(node)) return this.#log.debug(fields, 'a Kafka broker ended')
    const reason = exit.signal
      ? new ComposeError('KAFKA_FAILED', `Kafka was killed by ${exit.signal}`)
      : await node.failure()
    this.#log.error({ ...fields, error: reason.message }, 'a Kafka broker died')
    if (this.pids.length === 0) this.#reportDeath(reason)
  }

  #untilServing(signal?: AbortSignal): Promise<void> {
    const living = this.#nodes.filter((node) => node.alive)
    return untilServing({
      brokers: living.map(({ place }) => `${place.host}:${place.port}`),
      count: living.length,
      deadlineMs: readyTimeoutMs,
      log: this.#log,
      ...(signal ? { signal } : {}),
    })
  }
}
