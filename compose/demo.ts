/** `heartline demo`: makes the active fail under load, again and again, and shows that no client notices. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { readable } from '../heartbeat-receiver/readable-text.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { type ClusterJournal, chooseJournal } from './cluster-journal.ts'
import type { DemoOptions } from './demo-config.ts'
import { type FailoverReport, FailoverWatch, isComplete } from './demo-failover.ts'
import { failoverTimeoutMs, followFailover } from './demo-following.ts'
import { HandKills } from './demo-hand-kills.ts'
import { Narration } from './demo-narration.ts'
import { untilAllReady, untilSettled } from './demo-readiness.ts'
import { demoSummary, failoverLine, isExact, killLine } from './demo-report.ts'
import { askBackends, followEvents, pause, until } from './demo-watch.ts'
import { ComposeError } from './errors.ts'
import { countWrong } from './filling/check-filled.ts'
import { fillJournal } from './filling/fill-journal.ts'
import { type KillAnswer, type KillHook, openKillHook } from './kill-hook.ts'
import { KillTurns } from './kill-turns.ts'
import { unixNowMs } from './load/clock.ts'
import { Connection } from './load/connection.ts'
import { LoadThread } from './load/load-thread.ts'

export { type DemoOptions, demoOptions } from './demo-config.ts'

/** How long clients may take to catch up with what was to be sent meanwhile. */
const calmTimeoutMs = 5_000
/** How long a stopped backend stays stopped. */
const stoppedMs = 2_000
/** How long a zombie may take to notice that it is one. */
const fencedTimeoutMs = 10_000
const answerTimeoutMs = 30_000

/** Resolves with the exit code: 1 if any client noticed, or a failover did not happen. */
export async function runDemo(options: DemoOptions, _log: Logger, signal: AbortSignal): Promise<number> {
  const story = new Narration(options.logLevel, { live: options.live && !options.json })
  const demo = new Demo(options, story, signal)
  try {
    return await demo.run()
  } catch (error) {
    if (!signal.aborted) throw error
    story.say('cut short: nothing was shown')
    return 1
  } finally {
    await demo.end()
  }
}

class Demo {
  readonly #options: DemoOptions
  readonly #story: Narration
  readonly #signal: AbortSignal
  readonly #failovers: FailoverReport[] = []
  /** Names of the backends that said in their log that they were fenced, with the line. */
  readonly #fenced = new Map<string, string>()
  #watch: FailoverWatch | undefined
  #journal: ClusterJournal | undefined
  #cluster: Cluster | undefined
  #load: LoadThread | undefined
  #killHook: KillHook | undefined
  #handKills: HandKills | undefined
  readonly #turns = new KillTurns()
  /** Aborted at the very end: what people asked for goes on while the clients read back. */
  readonly #over = new AbortController()
  #endEvents: () => void = () => {}

  constructor(options: DemoOptions, story: Narration, signal: AbortSignal) {
    this.#options = options
    this.#story = story
    this.#signal = signal
  }

  async run(): Promise<number> {
    const cluster = await this.#start()
    const load = this.#startLoad(cluster)
    const handKills = new HandKills({
      cluster,
      load,
      turns: this.#turns,
      story: this.#story,
      signal: this.#over.signal,
    })
    this.#handKills = handKills
    const failing = this.#options.kills === 0 ? this.#untilEnded(load) : this.#fail(cluster, load)
    await Promise.race([failing, this.#essentialsEnd(cluster), load.failed()])
    await handKills.settled()
    this.#story.stopProgress()
    this.#story.say('reading everything back')
    const { report, findings, readBackError } = await load.stop()
    report.lost += await this.#countLost(cluster)
    if (readBackError) this.#story.say(`nothing could be verified: ${readBackError}`)
    const failovers = [...this.#failovers, ...handKills.reports]
    const text = this.#options.json
      ? JSON.stringify({ ...report, failovers })
      : demoSummary(report, findings, failovers)
    this.#story.conclude(text)
    return isExact(report, failovers) && this.#failovers.length === this.#options.kills ? 0 : 1
  }

  /** Ends whatever was started, in whatever state it is. */
  async end(): Promise<void> {
    this.#story.end()
    this.#over.abort()
    this.#endEvents()
    await this.#killHook?.close()
    await this.#load?.terminate()
    await this.#cluster?.stop()
    await this.#journal?.release()
  }

  async #start(): Promise<Cluster> {
    const { backends } = this.#options
    this.#journal = await chooseJournal({ kafka: this.#options.kafka }, this.#story.log, this.#signal)
    this.#story.say(this.#journal.line)
    const { kafka } = this.#journal
    this.#story.say(`starting ${kafka ? '' : 'Kafka, '}receiver, backends and balancer`)
    // Fresh, so that demos on one Kafka do not meet.
    const topicPrefix = `demo-${randomBytes(4).toString('hex')}`
    this.#killHook = await openKillHook((name) => this.#killByHand(name))
    const cluster = await startCluster({
      killHook: this.#killHook.url,
      ...(kafka === undefined ? {} : { kafka }),
      backends,
      ports: 'free',
      topicPrefix,
      prepare: (brokers) => this.#fill(brokers, topicPrefix),
      // All of it listens on loopback only; a token in the environment is that of another installation.
      token: '',
      log: this.#story.log,
      onLine: (name, line) => {
        if (name === 'receiver' && line.event === 'listening') this.#story.follow(String(line.url))
        if (line.event === 'fenced') this.#fenced.set(name, readable(String(line.msg)))
      },
      signal: this.#signal,
    })
    this.#cluster = cluster
    this.#endEvents = followEvents(cluster.receiverHttp, (event) => {
      this.#watch?.hear(event)
      this.#handKills?.hear(event)
    })
    await untilAllReady(cluster, this.#options.keys, this.#signal)
    this.#story.started()
    return cluster
  }

  async #killByHand(name: string): Promise<KillAnswer> {
    return (
      (await this.#handKills?.kill(name)) ?? {
        killed: false,
        status: 503,
        reason: 'the demo is still starting; try again',
      }
    )
  }

  async #fill(kafka: string[], topicPrefix: string): Promise<void> {
    const { keys } = this.#options
    if (keys === 0) return
    const startMs = performance.now()
    await fillJournal({ kafka, topicPrefix, keys, signal: this.#signal })
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1)
    this.#story.say(`${keys} keys of about 100 bytes written in ${seconds} s`)
  }

  /** What was there before the first failure is there after the last. */
  async #countLost(cluster: Cluster): Promise<number> {
    const connection = new Connection(cluster.balancerUrl, answerTimeoutMs)
    try {
      return await countWrong(connection, this.#options.keys)
    } finally {
      await connection.close()
    }
  }

  #startLoad(cluster: Cluster): LoadThread {
    const { rate, clients, writeRatio, seed } = this.#options
    // Who knows how long a person plays with it.
    const tidy = this.#options.kills === 0
    const traffic = { rate, clients, writeRatio, seed, keys: false, tidy, durationMs: Number.POSITIVE_INFINITY }
    const load = new LoadThread({ target: cluster.balancerUrl, timeoutMs: answerTimeoutMs, ...traffic })
    this.#load = load
    this.#story.say(`${rate} requests/s from ${clients} clients to ${cluster.balancerUrl}`)
    this.#story.startProgress(() => load.progress)
    return load
  }

  async #fail(cluster: Cluster, load: LoadThread): Promise<void> {
    await this.#until('a first good answer', failoverTimeoutMs, () => load.progress.ok > 0)
    await this.#calm(load)
    for (let kill = 0; kill < this.#options.kills; kill++) {
      const failover = await this.#turns.script(() => this.#failAndRecover(cluster, load))
      this.#failovers.push(failover)
      if (!isComplete(failover)) return
      await this.#calm(load)
    }
  }

  async #failAndRecover(cluster: Cluster, load: LoadThread): Promise<FailoverReport> {
    const failover = await this.#failOnce(cluster, load)
    if (isComplete(failover)) await this.#recover(cluster, failover.backend)
    return failover
  }

  /** Resolves when somebody ends the demo. */
  async #untilEnded(load: LoadThread): Promise<void> {
    await this.#until('a first good answer', failoverTimeoutMs, () => load.progress.ok > 0)
    this.#story.say('kill what you like, by the button of the dashboard; Ctrl-C ends it, with the report')
    await new Promise<void>((resolve) => {
      if (this.#signal.aborted) resolve()
      else this.#signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  /** Some time of plain work, and no clients that still wait because of what was before; not for ever, if the machine is too slow. */
  async #calm(load: LoadThread): Promise<void> {
    await pause(this.#options.calmMs, this.#signal)
    try {
      await this.#until('the clients to be served in time', calmTimeoutMs, () => load.progress.waiting === 0)
    } catch (error) {
      if (!(error instanceof ComposeError) || error.code !== 'NOT_IN_TIME') throw error
      this.#story.say(
        `  this machine does not keep up with ${this.#options.rate} requests/s: ${load.progress.waiting} wait`,
      )
    }
  }

  async #failOnce(cluster: Cluster, load: LoadThread): Promise<FailoverReport> {
    const { signal } = this.#options
    const active = await this.#until('an active backend', failoverTimeoutMs, async () =>
      (await askBackends(cluster.receiverHttp)).find(({ alive, active }) => alive && active),
    )
    const { name: backend, incarnation } = active
    const epoch = Math.max(active.reign[0], load.progress.epoch)
    this.#fenced.delete(backend)
    const watch = new FailoverWatch({ backend, incarnation, epoch, signal, atMs: unixNowMs() })
    this.#watch = watch
    this.#story.killed(backend)
    if (!cluster.processes.get(backend)?.kill(signal))
      throw new ComposeError('PROCESS_ENDED', `${backend} ended before it could be killed`)
    this.#story.say(`${killLine(watch.kill)} …`)
    const failover = await followFailover(watch, load, this.#signal)
    this.#story.say(`${watch.successor?.name ?? 'nobody'} took over: ${failoverLine(failover)}`)
    return failover
  }

  /** The failed backend comes back as a standby: as a new process, or as a zombie that notices. */
  async #recover(cluster: Cluster, name: string): Promise<void> {
    if (this.#options.signal === 'SIGKILL') {
      await cluster.processes.get(name)?.exited
      await cluster.processes.restart(name)
    } else await this.#wakeZombie(cluster, name)
    await untilAllReady(cluster, this.#options.keys, this.#signal)
    await untilSettled(cluster.processes.get(name)?.pid ?? 0, this.#signal)
    this.#story.say(`${name} is back, as a standby`)
  }

  async #wakeZombie(cluster: Cluster, name: string): Promise<void> {
    const stoppedAtMs = this.#watch?.kill.atMs ?? 0
    await pause(Math.max(0, stoppedAtMs + stoppedMs - unixNowMs()), this.#signal)
    const wokenAtMs = unixNowMs()
    cluster.processes.get(name)?.kill('SIGCONT')
    const line = await this.#until(`${name} to be fenced`, fencedTimeoutMs, () => this.#fenced.get(name))
    const afterMs = Math.round(unixNowMs() - wokenAtMs)
    this.#story.say(`kill -CONT ${name} … after ${afterMs} ms it says: ${line}`)
  }

  #until<Value>(
    what: string,
    timeoutMs: number,
    check: () => Value | undefined | false | Promise<Value | undefined | false>,
  ): Promise<Value> {
    return until(check, { what, timeoutMs, signal: this.#signal })
  }

  async #essentialsEnd(cluster: Cluster): Promise<never> {
    const essential = ['kafka', 'receiver', 'balancer'].flatMap((name) => cluster.processes.get(name) ?? [])
    const name = await Promise.race(essential.map((process) => process.exited.then(() => process.name)))
    throw new ComposeError('PROCESS_ENDED', `${name} ended by itself; its log says why (--log-level info)`)
  }
}
