/** An installation of two versions: each process runs either, and is moved from the one to the other while clients are served. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type Cluster, startCluster } from '../../compose/cluster.ts'
import { askLeads, until } from '../../compose/demo-watch.ts'
import { startKafka } from '../../compose/kafka/kafka.ts'
import { LoadThread, type LoadThreadResult } from '../../compose/load/load-thread.ts'
import { type Move, Moves } from '../../compose/moves.ts'
import type { LogLine } from '../../compose/processes.ts'
import type { Board } from '../../heartbeat-receiver/dashboard/board.ts'

/** Which version a process runs. */
export type Version = 'previous' | 'this'

/** Where the journal is kept: a Kafka that this process starts, or the embedded journal. */
export type Place = 'kafka' | 'embedded'

const log = pino({ level: 'silent' })
const never = new AbortController().signal
const root = join(import.meta.dirname, '..', '..')

/** How long it may take until everybody is connected again and has told, milliseconds. */
const toldTimeoutMs = 20_000

/** Small, so that snapshots of both versions are taken and restored from, bytes. */
const snapshotTail = ['--snapshot-tail', '256KiB']

export class Installation {
  readonly cluster: Cluster
  readonly moves: Moves
  /** What the processes said that a person would look at. */
  readonly said: string[]
  readonly #load: LoadThread
  readonly #mains: Readonly<Record<Version, string>>
  readonly #versions: Map<string, Version>
  readonly #releases: (() => Promise<unknown>)[]

  private constructor(
    cluster: Cluster,
    load: LoadThread,
    mains: Readonly<Record<Version, string>>,
    said: string[],
    releases: (() => Promise<unknown>)[],
  ) {
    const { receivers, balancers, backends } = cluster
    this.cluster = cluster
    this.moves = new Moves(cluster, load, never)
    this.said = said
    this.#load = load
    this.#mains = mains
    this.#versions = new Map([...receivers, ...balancers, ...backends].map((name) => [name, 'previous']))
    this.#releases = releases
  }

  /** Two receivers, two balancers and three backends, all of the previous version, and clients that write and read through both balancers. */
  static async start(previousFolder: string, place: Place, seed: number): Promise<Installation> {
    const mains = {
      previous: join(previousFolder, 'compose/main.ts'),
      this: join(root, 'compose/main.ts'),
    }
    const said: string[] = []
    const releases: (() => Promise<unknown>)[] = []
    try {
      const kafka = await startPlace(place, releases)
      const cluster = await startCluster({
        ...{ kafka, backends: 3, receivers: 2, balancers: 2, ports: 'free', log },
        command: [process.execPath, mains.previous],
        topicPrefix: `upgrade-${randomBytes(4).toString('hex')}`,
        flags: { backend: snapshotTail },
        onLine: (name: string, line: LogLine) => {
          if (line.event !== undefined || Number(line.level) > 30) said.push(`${name}: ${line.msg}`)
        },
      })
      releases.unshift(() => cluster.stop())
      const load = new LoadThread({
        ...{ target: cluster.balancerUrls, rate: 100, clients: 40, writeRatio: 0.5, seed, keys: seed % 2 === 0 },
        ...{ durationMs: Number.POSITIVE_INFINITY, timeoutMs: 30_000 },
      })
      releases.unshift(() => load.terminate())
      return new Installation(cluster, load, mains, said, releases)
    } catch (error) {
      await endAll(releases)
      throw error
    }
  }

  /** The processes, by what they are. */
  get kinds(): Readonly<Record<'receivers' | 'balancers' | 'backends', readonly string[]>> {
    const { receivers, balancers, backends } = this.cluster
    return { receivers, balancers, backends }
  }

  versionOf(name: string): Version {
    return this.#versions.get(name)!
  }

  /** The backends that run a version. */
  backendsOf(version: Version): string[] {
    return this.cluster.backends.filter((name) => this.versionOf(name) === version)
  }

  /** Stops a process in order, and starts it as the other version. */
  async change(name: string, to: Version): Promise<Move> {
    const main = this.#mains[to]
    const move = await this.moves.restart(name, { command: [process.execPath, main] })
    this.#versions.set(name, to)
    const { pid } = this.cluster.processes.get(name)!
    const runs = execFileSync('ps', ['-o', 'args=', '-p', `${pid}`]).toString()
    if (!runs.includes(main)) throw new Error(`${name} was to run ${main}, and runs ${runs}`)
    return move
  }

  /** Hands over to a backend, and kills it as soon as it is well: what it wrote is taken over from it. It comes back as it was. */
  async failAfterHandingTo(name: string): Promise<string> {
    const { processes } = this.cluster
    if ((await this.moves.untilWell()).name !== name) await this.moves.handOver(name)
    await this.moves.untilWell()
    const active = processes.get(name)!
    active.kill('SIGKILL')
    await active.exited
    await processes.restart(name)
    return (await this.moves.untilWell()).name
  }

  /**
   * Until each receiver of this version has the traffic of each balancer of this version on its board, and of no other: what only one side
   * knows is not said.
   */
  async untilToldOfTraffic(): Promise<void> {
    const { receivers, receiverUrls, balancers } = this.cluster
    const expected = balancers.filter((name) => this.versionOf(name) === 'this').length
    for (const name of receivers.filter((receiver) => this.versionOf(receiver) === 'this')) {
      const url = `${receiverUrls[receivers.indexOf(name)]!.replace(/^ws/, 'http')}/api/board`
      await until(async () => (await telling(url)) === expected, {
        what: `${name} to be told of their traffic by ${expected} balancers`,
        ...{ timeoutMs: toldTimeoutMs, signal: never },
      })
    }
  }

  /** Has a standby of each version drained, and not any more: one of the previous version is not told what it does not know. */
  async drainStandbys(): Promise<void> {
    const leader = await this.#leader()
    if (this.versionOf(leader.name) === 'previous') return
    const active = (await this.moves.untilWell()).name
    for (const version of ['previous', 'this'] as const) {
      const name = this.backendsOf(version).find((backend) => backend !== active)
      if (name === undefined) continue
      const status = await askToDrain(leader.url, name, true)
      const expected = version === 'this' ? 200 : 409
      if (status !== expected) throw new Error(`${name} (${version}) was to drain, which was answered by ${status}`)
      if (version === 'this') await askToDrain(leader.url, name, false)
    }
  }

  /** The receiver that leads. */
  async #leader(): Promise<{ name: string; url: string }> {
    const { receivers, receiverUrls } = this.cluster
    const urls = receiverUrls.map((url) => url.replace(/^ws/, 'http'))
    return until(
      async () => {
        const index = (await Promise.all(urls.map(askLeads))).indexOf(true)
        return index >= 0 && { name: receivers[index]!, url: urls[index]! }
      },
      { what: 'a receiver that leads', timeoutMs: toldTimeoutMs, signal: never },
    )
  }

  /** Ends the clients, and reads back what they were promised. */
  stopClients(): Promise<LoadThreadResult> {
    return this.#load.stop()
  }

  async end(): Promise<void> {
    await endAll(this.#releases)
  }
}

/** How many balancers a board has the traffic of. */
async function telling(url: string): Promise<number> {
  const { balancers } = (await (await fetch(url)).json()) as Board
  return balancers.filter(({ figures }) => figures !== null).length
}

/** The status of the answer. */
async function askToDrain(receiver: string, name: string, draining: boolean): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ name, draining })
  const answer = await fetch(`${receiver}/api/drain`, { method: 'POST', headers, body })
  await answer.text()
  return answer.status
}

async function startPlace(place: Place, releases: (() => Promise<unknown>)[]): Promise<string[]> {
  if (place === 'kafka') {
    const kafka = await startKafka({ port: 0, brokers: 1, log })
    releases.unshift(() => kafka.stop())
    return kafka.brokers
  }
  const directory = await mkdtemp(join(tmpdir(), 'heartline-upgrade-'))
  releases.unshift(() => rm(directory, { recursive: true, force: true }))
  return [`file:${join(directory, 'state')}`]
}

/** In their order, whatever becomes of each. */
async function endAll(releases: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const release of releases) await release().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw new AggregateError(failures, 'an installation did not end in order')
}
