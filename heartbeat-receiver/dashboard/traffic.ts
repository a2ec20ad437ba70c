/** The balancers, what they say of their traffic, and the history of it. Pure. */
import type { BalancerFigures, BoardBalancer, TrafficPoint } from './board.ts'
import { trafficPointsMax } from './fold.ts'

/** Figures that are older than this are not those of now, milliseconds: they come every 500 ms. */
const staleMs = 2_000

interface Balancer {
  readonly name: string
  readonly sinceMs: number
  figures: BalancerFigures | null
  toldAtMs: number
}

export class Traffic {
  /** By connection. */
  readonly #balancers = new Map<number, Balancer>()
  #points: readonly TrafficPoint[] = []

  /** Oldest first. A new array if anything changed. */
  get points(): readonly TrafficPoint[] {
    return this.#points
  }

  /** Those that are connected, by name. */
  balancers(nowMs: number): BoardBalancer[] {
    return [...this.#balancers.values()]
      .map(({ name, sinceMs, figures, toldAtMs }) => ({
        ...{ name, sinceMs },
        figures: nowMs - toldAtMs > staleMs ? null : figures,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.sinceMs - b.sinceMs))
  }

  joined(connection: number, name: string, nowMs: number): void {
    this.#balancers.set(connection, { name, sinceMs: nowMs, figures: null, toldAtMs: nowMs })
  }

  left(connection: number): void {
    this.#balancers.delete(connection)
  }

  told(connection: number, figures: BalancerFigures, nowMs: number): void {
    const balancer = this.#balancers.get(connection)
    if (!balancer) return
    balancer.figures = figures
    balancer.toldAtMs = nowMs
  }

  /** Adds a point, if any balancer says something. Expected every `trafficIntervalMs`. */
  tick(nowMs: number): void {
    const told: BalancerFigures[] = []
    for (const { figures, toldAtMs } of this.#balancers.values())
      if (figures && nowMs - toldAtMs <= staleMs) told.push(figures)
    if (told.length === 0) return
    this.#points = [...this.#points, { atMs: nowMs, ...together(told) }].slice(-trafficPointsMax)
  }
}

/** Figures of several balancers as those of one: p50 by their share of the requests, p99 of the slowest. */
export function together(all: readonly BalancerFigures[]): BalancerFigures {
  const sum = (of: (figures: BalancerFigures) => number) => all.reduce((total, figures) => total + of(figures), 0)
  const requestsPerSecond = sum((figures) => figures.requestsPerSecond)
  const weighted = sum((figures) => figures.p50Ms * figures.requestsPerSecond)
  return {
    requestsPerSecond: rounded(requestsPerSecond),
    errorsPerSecond: rounded(sum((figures) => figures.errorsPerSecond)),
    p50Ms: requestsPerSecond > 0 ? rounded(weighted / requestsPerSecond) : 0,
    p99Ms: Math.max(...all.map((figures) => figures.p99Ms)),
    held: sum((figures) => figures.held),
    replaysPerSecond: rounded(sum((figures) => figures.replaysPerSecond)),
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
