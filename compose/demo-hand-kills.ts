/** Kills that people ask the demo for, by the button of the dashboard: `kill -9` of that backend, and a new start a moment later. */
import type { ReceiverEvent } from '../heartbeat-receiver/protocol.ts'
import type { Cluster } from './cluster.ts'
import { type FailoverReport, FailoverWatch } from './demo-failover.ts'
import { followFailover } from './demo-following.ts'
import { failoverLine, killLine } from './demo-report.ts'
import { askBackends, isReadyStandby, pause, until } from './demo-watch.ts'
import type { KillAnswer } from './kill-hook.ts'
import type { KillTurns } from './kill-turns.ts'
import { unixNowMs } from './load/clock.ts'
import type { LoadThread } from './load/load-thread.ts'

/** How long a wish waits for a scripted kill that is under way: less than the receiver waits for us. */
const patienceMs = 2_000
/** How long whoever was killed stays dead, so that it is seen. */
const deadMs = 2_000
/** How long it may take to be back. */
const backTimeoutMs = 30_000
/** Failovers that the report tells of; older ones are forgotten. */
const reportsMax = 1_000

export interface HandKillsOptions {
  readonly cluster: Cluster
  readonly load: LoadThread
  readonly turns: KillTurns
  readonly story: { say(line: string): void; killed(name: string): void }
  /** Aborted when the demo is over. */
  readonly signal: AbortSignal
}

export class HandKills {
  /** What came of kills of an active, in the order in which they were over. */
  readonly reports: FailoverReport[] = []
  readonly #options: HandKillsOptions
  readonly #watches = new Set<FailoverWatch>()
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: HandKillsOptions) {
    this.#options = options
  }

  /** An event of the receiver. */
  hear(event: ReceiverEvent): void {
    for (const watch of this.#watches) watch.hear(event)
  }

  /** Resolves as soon as the backend is killed, or is not going to be. */
  async kill(name: string): Promise<KillAnswer> {
    const { cluster, turns } = this.#options
    if (!cluster.backends.includes(name)) return { killed: false, status: 404, reason: `this demo has no ${name}` }
    const answer = Promise.withResolvers<KillAnswer>()
    const inTime = await turns.byHand(() => this.#killAndRevive(name, answer), patienceMs)
    if (!inTime) return { killed: false, status: 503, reason: 'a kill of the demo itself is under way; try again' }
    return answer.promise
  }

  /** Resolves when all is told of the kills so far. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }

  async #killAndRevive(name: string, answer: PromiseWithResolvers<KillAnswer>): Promise<void> {
    const { cluster, load, story } = this.#options
    const victim = cluster.processes.get(name)
    const known = (await askBackends(cluster.receiverHttp)).find((backend) => backend.name === name && backend.alive)
    const epoch = Math.max(known?.reign[0] ?? 0, load.progress.epoch)
    const incarnation = known?.incarnation ?? ''
    const watch = new FailoverWatch({ backend: name, incarnation, epoch, signal: 'SIGKILL', atMs: unixNowMs() })
    const active = known?.active === true
    if (active) this.#watches.add(watch)
    story.killed(name)
    if (!victim?.kill('SIGKILL')) {
      this.#watches.delete(watch)
      return answer.resolve({
        killed: false,
        status: 409,
        reason: `${name} is dead already; it is started again in a moment`,
      })
    }
    answer.resolve({ killed: true })
    story.say(active ? `${killLine(watch.kill)}, by hand …` : `kill -9 ${name}, by hand …`)
    const work = Promise.allSettled([...(active ? [this.#follow(watch)] : []), this.#revive(name)]).then(() => {})
    this.#underWay.add(work)
    await work
    this.#underWay.delete(work)
  }

  async #follow(watch: FailoverWatch): Promise<void> {
    const { load, story, signal } = this.#options
    const report = await followFailover(watch, load, signal).finally(() => this.#watches.delete(watch))
    this.reports.push(report)
    if (this.reports.length > reportsMax) this.reports.shift()
    story.say(`${watch.successor?.name ?? 'nobody'} took over: ${failoverLine(report)}`)
  }

  async #revive(name: string): Promise<void> {
    const { cluster, story, signal } = this.#options
    await cluster.processes.get(name)?.exited
    await pause(deadMs, signal)
    try {
      await cluster.processes.restart(name)
      const what = `${name} to be back`
      const back = async () =>
        (await askBackends(cluster.receiverHttp)).some(
          (one) => one.name === name && (one.active || isReadyStandby(one)),
        )
      await until(back, { what, timeoutMs: backTimeoutMs, signal })
      story.say(`${name} is back`)
    } catch (error) {
      if (!signal.aborted) story.say(`${name} did not come back: ${(error as Error).message}`)
    }
  }
}
