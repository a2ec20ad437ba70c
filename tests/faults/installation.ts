/** One running installation: Kafka, receivers, balancers and backends, each a process of its own in its own place. */
import { execFile } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { fillJournal } from '../../compose/filling/fill-journal.ts'
import { type LocalKafka, startKafka } from '../../compose/kafka/kafka.ts'
import { unixNowMs } from '../../compose/load/clock.ts'
import { type LogLine, type ManagedProcess, Processes } from '../../compose/processes.ts'
import type { BackendView } from '../../heartbeat-receiver/protocol.ts'
import { OrphanGuard } from '../../load-balancer/replicas/orphan-guard.ts'
import { metricOf } from '../soak/sampling.ts'
import { harness, type Network } from './network.ts'
import { type Kind, kinds, namesOf, type Shape } from './shapes.ts'

const ports = { receiver: 7070, balancer: 8080, admin: 8081, backend: 9001 } as const
const mainPath = fileURLToPath(new URL('../../compose/main.ts', import.meta.url))
const trapPath = new URL('./crash-trap.ts', import.meta.url).href
const answerTimeoutMs = 1_000
const readyTimeoutMs = 30_000
const pollMs = 40
/** A standby that reads has the newest records on their way; one that does not falls behind for ever. */
const lagMax = 100
/** Of the lines before a row, so many are kept: what led to it. */
const earlierLinesMax = 500

export interface SaidLine {
  readonly atMs: number
  readonly process: string
  readonly line: LogLine
}

export interface InstallationTools {
  readonly network: Network
  readonly topicPrefix: string
  readonly log: Logger
  readonly signal: AbortSignal
}

export class Installation {
  readonly shape: Shape
  readonly network: Network
  readonly topicPrefix: string
  readonly #processes: Processes
  readonly #signal: AbortSignal
  readonly #log: Logger
  readonly #token = 'of the fault suite'
  /** Processes that a row ended itself. */
  readonly #expected = new Set<ManagedProcess>()
  readonly #started = new Set<string>()
  readonly #downBrokers = new Set<number>()
  #lines: SaidLine[] = []
  #ended: string[] = []
  #kafka: LocalKafka | undefined
  #kafkaData: { path: string; guard: OrphanGuard } | undefined

  constructor(shape: Shape, { network, topicPrefix, log, signal }: InstallationTools) {
    this.shape = shape
    this.network = network
    this.topicPrefix = topicPrefix
    this.#log = log
    this.#signal = signal
    this.#processes = new Processes({ log })
  }

  /** Starts all of it, everybody at once: any order works. Resolves when all of it works together. */
  async start(): Promise<void> {
    const { brokers, filledKeys } = this.shape
    const { host } = this.network.place(harness)
    const dataDir = await mkdtemp(join(tmpdir(), 'heartline-faults-kafka-'))
    this.#kafkaData = { path: dataDir, guard: new OrphanGuard({ log: this.#log, temporaryDirectory: dataDir }) }
    this.#kafka = await startKafka({ port: 0, host, brokers, dataDir, log: this.#log, signal: this.#signal })
    if (filledKeys !== undefined)
      await fillJournal({ kafka: this.kafka.brokers, topicPrefix: this.topicPrefix, keys: filledKeys })
    await Promise.all(this.names.map((name) => this.run(name)))
    await this.untilWhole(readyTimeoutMs)
  }

  async stop(): Promise<void> {
    // Nothing of it is needed any more, and a stopped process takes its SIGTERM late.
    for (const name of this.#started) this.kill(name)
    await this.#processes.stopAll()
    for (let index = 0; index < this.shape.brokers; index++) this.#kafka?.kill(index)
    await this.#kafka?.stop()
    await this.#kafkaData?.guard.close()
  }

  /** Files that brokers write, by name: what they say of themselves. */
  get brokerLogs(): [name: string, path: string][] {
    const ids = Array.from({ length: this.shape.brokers }, (_, index) => `broker-${index + 1}`)
    return ids.map((id) => [`${id}.log`, join(this.#kafkaData?.path ?? '', id, 'kafka.log')])
  }

  get kafka(): LocalKafka {
    if (!this.#kafka) throw new Error('Kafka was not started')
    return this.#kafka
  }

  /** Of all processes of ours, in the order of kinds. */
  get names(): string[] {
    return kinds.flatMap((kind) => this.namesOf(kind))
  }

  namesOf(kind: Kind): string[] {
    return namesOf(this.shape, kind)
  }

  /** What all processes said since {@link forget}, in the order of arrival, with a little from before. */
  get lines(): readonly SaidLine[] {
    return this.#lines
  }

  /** Processes that ended though no row ended them, since {@link forget}. */
  get endedByThemselves(): readonly string[] {
    return this.#ended
  }

  /** A new row begins. */
  forget(): void {
    this.#lines = this.#lines.slice(-earlierLinesMax)
    this.#ended = []
  }

  /** Where a client finds a balancer. */
  async balancerUrl(name: string): Promise<string> {
    return urlOf('http', await this.network.route(name, ports.balancer, harness))
  }

  /** Starts a process, or starts it again; resolves when it listens. */
  async run(name: string): Promise<ManagedProcess> {
    const kind = name.slice(0, name.lastIndexOf('-')) as Kind
    const { command } = this.network.place(name)
    const [file = '', ...before] = [...command, process.execPath, mainPath]
    this.#started.add(name)
    const managed = await this.#processes.start({
      name,
      command: [file, ...before],
      args: [...(await this.#args(kind, name)), '--log-level', 'info'],
      env: {
        HEARTLINE_TOKEN: this.#token,
        HEARTLINE_NAME: undefined,
        HEARTLINE_URL: undefined,
        ...(kind === 'backend' ? { NODE_OPTIONS: `--import=${trapPath}` } : {}),
      },
      readyTimeoutMs,
      onLine: (line) => this.#lines.push({ atMs: unixNowMs(), process: name, line }),
    })
    void managed.exited.then(({ code, signal }) => {
      if (!this.#expected.has(managed)) this.#ended.push(`${name} ended with ${signal ?? `exit code ${code}`}`)
    })
    return managed
  }

  /** Sends a signal that ends it, and expects the end. */
  kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): void {
    const managed = this.#processes.get(name)
    if (!managed?.alive) return
    this.#expected.add(managed)
    managed.kill(signal)
  }

  /** Sends a signal that does not end it, or not by itself. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.#processes.get(name)?.kill(signal)
  }

  /** Resolves when the process that was started last under this name has ended. */
  async ended(name: string): Promise<void> {
    await this.#processes.get(name)?.exited
  }

  isAlive(name: string): boolean {
    return this.#processes.get(name)?.alive ?? false
  }

  /** Sends a signal to a broker of Kafka (from 0). */
  signalBroker(index: number, signal: NodeJS.Signals = 'SIGKILL'): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#downBrokers.add(index)
    this.kafka.kill(index, signal)
  }

  /** Starts it again on its data; resolves when it has joined. */
  async runBroker(index: number): Promise<void> {
    await this.kafka.restart(index)
    this.#downBrokers.delete(index)
  }

  /** Starts what is not running. */
  async runMissing(): Promise<void> {
    for (const index of this.#downBrokers) await this.runBroker(index)
    await Promise.all(this.names.filter((name) => !this.isAlive(name)).map((name) => this.run(name)))
  }

  /** True if this receiver decides; false if it follows another, or does not answer. */
  async leads(receiver: string): Promise<boolean> {
    return metricOf((await this.#ask(receiver, '/metrics')) ?? '', 'heartline_receiver_leads') === 1
  }

  /** Runs a command of the command line to its end, as a person would. */
  command(name: string, ...args: string[]): Promise<{ code: number; output: string }> {
    const env = { ...process.env, HEARTLINE_TOKEN: this.#token }
    return new Promise((resolve) =>
      execFile(process.execPath, [mainPath, name, ...args], { env, timeout: readyTimeoutMs }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: `${stdout}${stderr}`.trim() }),
      ),
    )
  }

  /** `ws://…` of every receiver, as the command line takes them. */
  async receiverUrls(from = harness): Promise<string> {
    const names = this.namesOf('receiver').filter((name) => name !== from)
    const urls = names.map(async (name) => urlOf('ws', await this.network.route(name, ports.receiver, from)))
    return (await Promise.all(urls)).join(',')
  }

  /** What a receiver says at a path; undefined while it does not answer. */
  async #ask(receiver: string, path: string): Promise<string | undefined> {
    const url = urlOf('http', await this.network.route(receiver, ports.receiver, harness))
    try {
      const answer = await fetch(`${url}${path}`, {
        headers: { authorization: `Bearer ${this.#token}` },
        signal: AbortSignal.timeout(answerTimeoutMs),
      })
      return answer.ok ? await answer.text() : undefined
    } catch {
      return undefined // asked again, within a bound, by whoever waits for it
    }
  }

  /** Rejects, naming what is missing, unless within `timeoutMs` every process is up and plays its part. */
  async untilWhole(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      this.#signal.throwIfAborted()
      const missing = await this.#missing()
      if (missing === undefined) return
      if (performance.now() > deadlineMs) throw new Error(`not whole again after ${timeoutMs} ms: ${missing}`)
      await sleep(pollMs)
    }
  }

  async #missing(): Promise<string | undefined> {
    const dead = this.names.find((name) => !this.isAlive(name))
    if (dead !== undefined) return `${dead} does not run`
    const wants = await Promise.all([
      ...this.namesOf('receiver').map((name) => this.#missingAtReceiver(name)),
      ...this.namesOf('balancer').map((name) => this.#missingAtBalancer(name)),
    ])
    const leading = await Promise.all(this.namesOf('receiver').map((name) => this.leads(name)))
    const leaders = leading.filter((leads) => leads).length
    return wants.find((want) => want !== undefined) ?? (leaders === 1 ? undefined : `${leaders} receivers lead`)
  }

  /** Who is active is known where it is decided; that all backends are there, everywhere. */
  async #missingAtReceiver(name: string): Promise<string | undefined> {
    const said = await this.#ask(name, '/api/backends')
    if (said === undefined) return `${name} does not answer`
    const living = (JSON.parse(said) as BackendView[]).filter(({ alive }) => alive)
    const ready = living.filter(({ phase, lag }) => phase === 'standby' && lag < lagMax).length
    const serving = living.filter(({ phase }) => phase === 'active').length
    const decided = living.filter(({ active }) => active).length
    if (serving !== 1) return `${name} knows ${serving} backends that serve`
    if (decided === 0 && (await this.leads(name))) return `${name} has named nobody`
    const wanted = this.shape.backends - 1
    return ready === wanted ? undefined : `${name} knows ${ready} of ${wanted} standbys that are ready`
  }

  async #missingAtBalancer(name: string): Promise<string | undefined> {
    try {
      const url = `${await this.balancerUrl(name)}/counters/whole`
      const answer = await fetch(url, { signal: AbortSignal.timeout(answerTimeoutMs) })
      await answer.arrayBuffer()
      return answer.status === 200 ? undefined : `${name} answers ${answer.status}`
    } catch (error) {
      return `${name} does not answer: ${(error as Error).message}`
    }
  }

  /** Where there are proxies between, that is what is dialled, and its refusals prove nothing. */
  async #backendUrl(name: string): Promise<string[]> {
    if (this.network.kind === 'namespaces') return []
    return ['--url', urlOf('http', await this.network.route(name, ports.backend)), '--no-direct']
  }

  async #args(kind: Kind, name: string): Promise<string[]> {
    const { network } = this
    const host = ['--host', network.place(name).host, '--name', name]
    const journal = ['--kafka', this.kafka.brokers.join(','), '--topic-prefix', this.topicPrefix]
    const receivers = await this.receiverUrls(name)
    const more = this.shape.flags?.[kind] ?? []
    if (kind === 'receiver') {
      const peers = receivers === '' ? [] : ['--peers', receivers]
      return [kind, ...host, '--port', `${ports.receiver}`, ...peers, ...journal, ...more]
    }
    const follow = ['--receivers', receivers]
    if (kind === 'backend')
      return [
        kind,
        ...host,
        '--port',
        `${ports.backend}`,
        ...(await this.#backendUrl(name)),
        ...follow,
        ...journal,
        ...more,
      ]
    const doors = ['--port', `${ports.balancer}`, '--admin-port', `${ports.admin}`]
    return [kind, ...host, ...doors, ...follow, ...journal, ...more]
  }
}

function urlOf(scheme: 'http' | 'ws', { host, port }: { host: string; port: number }): string {
  return `${scheme}://${host}:${port}`
}
