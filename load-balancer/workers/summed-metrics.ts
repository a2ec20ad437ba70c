/** The metrics of the parent and of all workers, those that are gone too, as one. */
import { AggregatorRegistry, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { MetricsAsJson } from '../metrics.ts'

/** What only grows: without those that are gone it would seem to shrink. */
const growing: readonly string[] = ['counter', 'histogram', 'summary']

export class SummedMetrics {
  readonly #own = new Registry()
  #departed: MetricsAsJson = []
  /** What each living worker counted. */
  workers: () => Promise<MetricsAsJson[]> = async () => []

  constructor(running: () => number) {
    collectDefaultMetrics({ register: this.#own })
    new Gauge({
      name: 'heartline_workers',
      help: 'Workers that take connections',
      registers: [this.#own],
      collect() {
        this.set(running())
      },
    })
  }

  get contentType(): string {
    return this.#own.contentType
  }

  /** Keeps what a worker counted that is gone. */
  async departed(metrics: MetricsAsJson): Promise<void> {
    const kept = metrics.filter(({ type }) => growing.includes(String(type)))
    this.#departed = await AggregatorRegistry.aggregate([this.#departed, kept]).getMetricsAsJSON()
  }

  async text(): Promise<string> {
    const all = [await this.#own.getMetricsAsJSON(), this.#departed, ...(await this.workers())]
    return AggregatorRegistry.aggregate(all).metrics()
  }
}
