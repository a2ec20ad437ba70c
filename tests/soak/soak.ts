/** The soak: the whole system on Kafka, written to for long, its active killed again and again, looked at all the while. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { type Cluster, startCluster } from '../../compose/cluster.ts'
import { askBackends, isReadyStandby, pause, until } from '../../compose/demo-watch.ts'
import { LoadThread } from '../../compose/load/load-thread.ts'
import type { SoakOptions } from './config.ts'
import { headerLine, type Sample, type SoakResult, sampleLine } from './report.ts'
import { Sampling } from './sampling.ts'

const joinTimeoutMs = 60_000
const failoverTimeoutMs = 15_000
const answerTimeoutMs = 30_000
const topicPrefix = 'soak'
/** Operations that are verified together, while the next are sent: small, so that their seats are given back soon. */
const chapterOperations = 20_000

export interface SoakTools {
  readonly log: Logger
  readonly signal: AbortSignal
  /** Gets the lines of the table as they come. */
  readonly say: (line: string) => void
}

/** Runs it to its end; rejects if the system does not even start, or `signal` is aborted. Ends all that it started. */
export async function runSoak(options: SoakOptions, tools: SoakTools): Promise<SoakResult> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-soak-'))
  let cluster: Cluster | undefined
  try {
    cluster = await startCluster({
      backends: options.backends,
      ports: 'free',
      dataDir: directory,
      topicPrefix,
      token: '',
      flags: { backend: ['--snapshot-tail', `${options.snapshotTailBytes}B`] },
      log: tools.log,
      signal: tools.signal,
    })
    return await new Soak(options, tools, cluster, directory).run()
  } finally {
    await cluster?.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

class Soak {
  readonly #options: SoakOptions
  readonly #tools: SoakTools
  readonly #cluster: Cluster
  readonly #load: LoadThread
  readonly #sampling: Sampling
  readonly #samples: Sample[] = []
  readonly #failed: string[] = []
  #kills = 0

  constructor(options: SoakOptions, tools: SoakTools, cluster: Cluster, directory: string) {
    this.#options = options
    this.#tools = tools
    this.#cluster = cluster
    this.#sampling = new Sampling(cluster, topicPrefix, directory)
    const { rate, clients, seed } = options
    const traffic = { rate, clients, seed, writeRatio: 1, keys: false, tidy: true, chapterOperations }
    const duration = { durationMs: Number.POSITIVE_INFINITY, timeoutMs: answerTimeoutMs }
    this.#load = new LoadThread({ target: cluster.balancerUrl, ...traffic, ...duration })
  }

  async run(): Promise<SoakResult> {
    try {
      await this.#sampling.open()
      await this.#untilAllReady()
      const endMs = performance.now() + this.#options.minutes * 60_000
      this.#tools.say(headerLine)
      await Promise.race([Promise.all([this.#sample(endMs), this.#kill(endMs)]), this.#load.failed()])
      const { report, readBackError } = await this.#load.stop()
      if (readBackError) this.#failed.push(`not all could be verified: ${readBackError}`)
      const { rate } = this.#options
      return { rate, samples: this.#samples, report, kills: this.#kills, failed: this.#failed }
    } finally {
      await Promise.all([this.#load.terminate(), this.#sampling.close()])
    }
  }

  async #sample(endMs: number): Promise<void> {
    const startMs = performance.now()
    for (let nextMs = startMs; nextMs < endMs; nextMs += this.#options.sampleEveryMs) {
      await pause(Math.max(0, nextMs - performance.now()), this.#tools.signal)
      const atMs = performance.now() - startMs
      const { requests, errors } = this.#load.progress
      const sample = { atMs, requests, errors, kills: this.#kills, ...(await this.#sampling.take()) }
      this.#samples.push(sample)
      this.#tools.say(sampleLine(sample))
    }
  }

  /** Ends before `endMs` by the time of one kill, so that the last one is over too. */
  async #kill(endMs: number): Promise<void> {
    const { killEveryMs } = this.#options
    for (let nextMs = performance.now() + killEveryMs; nextMs < endMs - killEveryMs / 2; nextMs += killEveryMs) {
      await pause(Math.max(0, nextMs - performance.now()), this.#tools.signal)
      try {
        await this.#killOnce()
      } catch (error) {
        this.#tools.signal.throwIfAborted()
        this.#failed.push(`kill ${this.#kills}: ${(error as Error).message}`)
        return
      }
    }
  }

  async #killOnce(): Promise<void> {
    const active = await this.#until('an active backend', failoverTimeoutMs, async () =>
      (await askBackends(this.#cluster.receiverHttp)).find(({ alive, active }) => alive && active),
    )
    const { name, reign } = active
    const epoch = Math.max(reign[0], this.#load.progress.epoch)
    this.#cluster.processes.get(name)?.kill('SIGKILL')
    this.#kills++
    await this.#until('the failover', failoverTimeoutMs, () => this.#load.firstAbove(epoch) !== undefined)
    await this.#cluster.processes.get(name)?.exited
    await this.#cluster.processes.restart(name)
    await this.#untilAllReady()
  }

  #untilAllReady(): Promise<unknown> {
    return this.#until('an active and all standbys', joinTimeoutMs, async () => {
      const views = await askBackends(this.#cluster.receiverHttp)
      const led = views.some(({ alive, active, phase }) => alive && active && phase === 'active')
      return led && views.filter(isReadyStandby).length === this.#cluster.backends.length - 1
    })
  }

  #until<Value>(
    what: string,
    timeoutMs: number,
    check: () => Value | undefined | false | Promise<Value | undefined | false>,
  ): Promise<Value> {
    return until(check, { what, timeoutMs, signal: this.#tools.signal })
  }
}
