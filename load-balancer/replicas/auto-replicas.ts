/** Keeps as many servers as the load needs: a clock around the autoscaler. */
import type { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { Autoscaler, type AutoscaleSettings } from './autoscale.ts'
import { madeUpNames } from './replica-names.ts'
import type { ReplicaSet } from './replica-set.ts'

export interface AutoReplicasOptions {
  readonly settings: AutoscaleSettings
  readonly replicas: ReplicaSet
  /** How many requests arrived since the start. */
  readonly arrivals: () => number | Promise<number>
  /** Names that are taken by others. */
  readonly taken: () => readonly string[]
  readonly log: Logger
  /** Monotonic time, milliseconds. */
  readonly now: () => number
}

export class AutoReplicas {
  readonly #options: AutoReplicasOptions
  readonly #autoscaler: Autoscaler
  readonly #timer: NodeJS.Timeout
  #sampledMs: number
  #arrived = 0
  #asking = false
  #closed = false

  constructor(options: AutoReplicasOptions) {
    this.#options = options
    this.#autoscaler = new Autoscaler(options.settings)
    this.#sampledMs = options.now()
    this.#timer = setInterval(() => void this.#sample(), options.settings.sampleMs)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
  }

  async #sample(): Promise<void> {
    // A count that takes longer than a sample is not asked for twice.
    if (this.#asking) return
    this.#asking = true
    try {
      this.#take(await this.#options.arrivals(), this.#options.now())
    } catch (error) {
      this.#options.log.warn({ error: (error as Error).message }, 'the requests could not be counted')
    } finally {
      this.#asking = false
    }
  }

  #take(arrived: number, nowMs: number): void {
    const rate = Math.max(0, arrived - this.#arrived) / (Math.max(1, nowMs - this.#sampledMs) / 1_000)
    this.#sampledMs = nowMs
    this.#arrived = arrived
    if (this.#closed) return
    const { desired, because } = this.#autoscaler.sample(rate)
    this.#become(desired, {
      reason: because,
      rate: rounded(rate),
      expectedRate: rounded(this.#autoscaler.expectedRate),
    })
  }

  #become(desired: number, why: { reason: string; rate: number; expectedRate: number }): void {
    const { replicas, taken, log } = this.#options
    // One that was given up counts: as long as the command is wrong, more of the same would crash too.
    const from = replicas.names.length + replicas.givenUp.length
    if (desired === from) return
    const fields = { event: 'scaled', from, to: desired, ...why }
    log.info(fields, `${from} → ${desired} servers for ${why.rate} requests/s (${why.expectedRate} expected)`)
    const names = new Set([...replicas.names, ...replicas.givenUp, ...taken()])
    if (desired > from) replicas.add(madeUpNames(desired - from, names))
    else replicas.remove([...replicas.givenUp, ...replicas.names.toReversed()].slice(0, from - desired))
  }
}

/** Counts the requests that a server takes, from now on. */
export function countArrivals(server: EventEmitter): () => number {
  let arrived = 0
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, () => (arrived += 1))
  return () => arrived
}

/** The same from the text of the metrics. */
export function arrivalsIn(text: string): number {
  return Number(/^heartline_requests_total (\S+)/m.exec(text)?.[1] ?? 0)
}

function rounded(rate = 0): number {
  return Math.round(rate * 10) / 10
}
