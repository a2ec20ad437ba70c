/** Planned moves of a running cluster under load: handovers and restarts in order, and what clients notice of each. */
import { pino } from 'pino'
import type { BackendView } from '../heartbeat-receiver/protocol.ts'
import type { Cluster } from './cluster.ts'
import { askBackends, askLeads, isReadyStandby, pause, until } from './demo-watch.ts'
import { ComposeError } from './errors.ts'
import { handOver } from './handover.ts'
import { unixNowMs } from './load/clock.ts'
import type { LoadThread } from './load/load-thread.ts'
import type { ProcessSpec } from './processes.ts'
import { receiverHttp } from './receiver-http.ts'

/** What a move was. */
export const moveKinds = [
  'handover',
  'restart of the active',
  'restart of a standby',
  'restart of the leading receiver',
  'restart of another receiver',
  'restart of a balancer',
] as const
export type MoveKind = (typeof moveKinds)[number]

/** One move, and what it cost. */
export interface Move {
  readonly kind: MoveKind
  /** The process that was moved away from, or restarted. */
  readonly process: string
  /** Longest time between two successive good answers of any clients while it lasted, milliseconds. */
  readonly pauseMs: number
  /** Of a handover: as the receiver has it, from the request to the new active being ready, milliseconds. */
  readonly tookMs: number | null
}

/** How long everything may take to be well again after a move, milliseconds. */
const wellTimeoutMs = 30_000
/** Clients are watched for so long after a move, milliseconds. */
const aftermathMs = 500
/** Plain work between two moves, milliseconds. */
const calmMs = 300

const silent = pino({ level: 'silent' })

/** Moves one at a time; each begins when everything is well and ends when it is again. */
export class Moves {
  readonly #cluster: Cluster
  readonly #load: LoadThread
  readonly #signal: AbortSignal

  constructor(cluster: Cluster, load: LoadThread, signal: AbortSignal) {
    this.#cluster = cluster
    this.#load = load
    this.#signal = signal
  }

  /** All backends are there and caught up, one is active, and clients are answered. */
  async untilWell(): Promise<BackendView> {
    const { backends } = this.#cluster
    return this.#until('an active and all standbys', async () => {
      const views = await this.#views()
      const active = views.find((view) => view.alive && view.active && view.phase === 'active')
      const standbys = views.filter(isReadyStandby).length
      return this.#load.progress.ok > 0 && standbys === backends.length - 1 && active
    })
  }

  /** A handover from the active to any standby, or to one by name. @throws ComposeError HANDOVER_FAILED */
  handOver(to?: string): Promise<Move> {
    return this.#move('handover', async ({ name }) => {
      const { receiverUrls: receivers } = this.#cluster
      const { failure, reason, tookMs } = await handOver({ receivers, to, token: undefined }, silent, this.#signal)
      if (failure !== undefined) throw new ComposeError('HANDOVER_FAILED', `${failure}: ${reason ?? ''}`)
      return { process: name, tookMs }
    })
  }

  /** `SIGTERM` to one process, and the same command again once it has ended, or the one given. */
  restart(process: string, changes: Pick<ProcessSpec, 'command'> = {}): Promise<Move> {
    const { receivers, balancers, processes } = this.#cluster
    const kindNow = async (active: string): Promise<MoveKind> => {
      if (balancers.includes(process)) return 'restart of a balancer'
      if (receivers.includes(process))
        return (await this.#leader()) === process ? 'restart of the leading receiver' : 'restart of another receiver'
      return process === active ? 'restart of the active' : 'restart of a standby'
    }
    return this.#move(kindNow, async () => {
      await processes.stop(process)
      await processes.restart(process, changes)
      return { process, tookMs: null }
    })
  }

  async #move(
    kind: MoveKind | ((active: string) => Promise<MoveKind>),
    act: (active: BackendView) => Promise<{ process: string; tookMs: number | null }>,
  ): Promise<Move> {
    const active = await this.untilWell()
    const known = typeof kind === 'string' ? kind : await kind(active.name)
    await pause(calmMs, this.#signal)
    const startMs = unixNowMs()
    const { process, tookMs } = await act(active)
    await this.untilWell()
    await pause(aftermathMs, this.#signal)
    return { kind: known, process, tookMs, pauseMs: this.#load.pauseMs(startMs, unixNowMs()) }
  }

  /** As the receiver that leads has them; none while none does. */
  async #views(): Promise<BackendView[]> {
    const leader = await this.#leader()
    const url = this.#cluster.receiverUrls[this.#cluster.receivers.indexOf(leader ?? '')]
    return url === undefined ? [] : askBackends(receiverHttp(url))
  }

  /** Name of the receiver that leads. */
  async #leader(): Promise<string | undefined> {
    const { receivers, receiverUrls } = this.#cluster
    const leads = await Promise.all(receiverUrls.map((url) => askLeads(receiverHttp(url))))
    return receivers[leads.indexOf(true)]
  }

  #until<Value>(what: string, check: () => Promise<Value | undefined | false>): Promise<Value> {
    return until(check, { what, timeoutMs: wellTimeoutMs, signal: this.#signal })
  }
}
