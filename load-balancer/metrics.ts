/** The balancer's metrics. What is counted per request is kept in plain numbers, and made into Prometheus text when asked. */
import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type Metric,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client'
import { certificateMetric } from '../heartbeat-receiver/certificate-metric.ts'
import type { Counted } from './figures.ts'
import type { Failure } from './replay.ts'
import type { LaneObserver } from './replay-lane.ts'
import type { StandbyResult } from './standby-lane.ts'

/** Bounds of the histogram. */
export const bucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** Distinct values of the label `handler`: clients choose paths, and must not fill the memory. */
const handlersMax = 50
/** Series of the histogram; the product of all labels is bounded too. */
const seriesMax = 2_000
/** The label of what is not told apart. */
const rest = 'other'
/** Its code: no answer's. */
const restCode = 0

interface Series {
  code: number
  labels: { method: string; code: string; handler: string; backend: string }
  counts: number[]
  sum: number
  count: number
}

/** `http_request_duration_seconds`, cheap to observe. */
class DurationHistogram {
  readonly name = 'http_request_duration_seconds'
  readonly help = 'Time from the request to the end of its answer, seconds'
  readonly aggregator = 'sum'
  /** By handler and backend: there are few methods and codes of each. */
  readonly #series = new Map<string, Map<string, Series[]>>()
  #count = 0

  observe(method: string, code: number, path: string, backend: string, seconds: number): void {
    const segment = firstSegment(path)
    const series = this.#known(method, code, segment, backend) ?? this.#bounded(method, code, segment, backend)
    series.sum += seconds
    series.count += 1
    for (let index = 0; index < bucketsSeconds.length; index += 1) {
      if (seconds > bucketsSeconds[index]!) continue
      series.counts[index]! += 1
      return
    }
  }

  /** All series together. */
  counted(): Pick<Counted, 'answered' | 'errors' | 'buckets'> {
    const buckets = bucketsSeconds.map(() => 0)
    let answered = 0
    let errors = 0
    for (const backends of this.#series.values())
      for (const all of backends.values())
        for (const { code, counts, count } of all) {
          answered += count
          if (code >= 500) errors += count
          for (let index = 0; index < counts.length; index += 1) buckets[index]! += counts[index]!
        }
    return { answered, errors, buckets }
  }

  /** The form in which a registry asks for values. */
  async get() {
    const all = [...this.#series.values()].flatMap((backends) => [...backends.values()].flat())
    const values = all.flatMap((series) => seriesValues(this.name, series))
    return { name: this.name, help: this.help, type: 'histogram', values, aggregator: this.aggregator }
  }

  reset(): void {
    this.#series.clear()
    this.#count = 0
  }

  #known(method: string, code: number, handler: string, backend: string): Series | undefined {
    const all = this.#series.get(handler)?.get(backend)
    if (all) for (const series of all) if (series.code === code && series.labels.method === method) return series
    return undefined
  }

  /** The series under labels that stay few. */
  #bounded(method: string, code: number, segment: string, backend: string): Series {
    const isFull = this.#series.size >= handlersMax || segment.length > 64
    const handler = isFull && !this.#series.has(segment) ? rest : segment
    return this.#find(knownMethods.has(method) ? method : rest, code, handler, backend)
  }

  #find(method: string, code: number, handler: string, backend: string): Series {
    const known = this.#known(method, code, handler, backend)
    if (known) return known
    if (this.#count >= seriesMax && code !== restCode) return this.#find(rest, restCode, rest, rest)
    const labels = { method, code: code === restCode ? rest : String(code), handler, backend }
    const series = { code, labels, counts: bucketsSeconds.map(() => 0), sum: 0, count: 0 }
    const backends = this.#series.get(handler) ?? new Map<string, Series[]>()
    this.#series.set(handler, backends.set(backend, [...(backends.get(backend) ?? []), series]))
    this.#count += 1
    return series
  }
}

/** Up to the second `/`, or to what follows the path. */
function firstSegment(path: string): string {
  let end = 1
  while (end < path.length && !endsSegment(path.charCodeAt(end))) end += 1
  return end < path.length ? path.slice(0, end) : path
}

/** True for `/`, `?` and `#`. */
function endsSegment(code: number): boolean {
  return code === 0x2f || code === 0x3f || code === 0x23
}

function seriesValues(name: string, { labels, counts, sum, count }: Series) {
  let below = 0
  const buckets = bucketsSeconds.map((le, index) => {
    below += counts[index]!
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below }
  })
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}

/** A registry's metrics in the form that can be added up. */
export type MetricsAsJson = MetricObjectWithValues<MetricValue<string>>[]

export interface MetricSources {
  held: () => number
  /** The most that were held at a time since this was asked last. */
  takeHeldPeak: () => number
  epoch: () => number
  members: () => number
  streams: () => number
}

export class Metrics implements LaneObserver {
  readonly #registry = new Registry()
  /** To be told of each certificate that is taken into use. */
  readonly certificate = certificateMetric([this.#registry])
  readonly #durations = new DurationHistogram()
  readonly #replays: Counter<'reason'>
  readonly #failovers: Histogram
  readonly #standbyReads: Counter<'result'>
  #replayed = 0
  #takeHeldPeak: () => number = () => 0

  constructor() {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    this.#registry.registerMetric(this.#durations as unknown as Metric)
    this.#replays = new Counter({
      name: 'heartline_replays_total',
      help: 'Requests sent again, by why',
      labelNames: ['reason'],
      registers,
    })
    this.#standbyReads = new Counter({
      name: 'heartline_standby_reads_total',
      help: 'Reads sent to a standby, by what became of them; what was not answered went to the active',
      labelNames: ['result'],
      registers,
    })
    this.#failovers = new Histogram({
      name: 'heartline_failover_seconds',
      help: 'Time from the first sign that the active was lost to the first answer of the next, seconds',
      buckets: bucketsSeconds,
      registers,
    })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Adds the gauges that are read when asked. */
  watch(sources: MetricSources): void {
    const registers = [this.#registry]
    this.#takeHeldPeak = sources.takeHeldPeak
    // With several workers: what they have together, or what they see alike.
    const gauges: [string, string, 'sum' | 'max', () => number][] = [
      ['heartline_held_requests', 'Requests held now', 'sum', sources.held],
      ['heartline_members', 'Members: backends that requests may be sent to', 'max', sources.members],
      ['heartline_streams', 'WebSockets, event streams and large bodies under way', 'sum', sources.streams],
    ]
    for (const [name, help, aggregator, read] of gauges) {
      new Gauge({
        ...{ name, help, aggregator, registers },
        collect() {
          this.set(read())
        },
      })
    }
    new Gauge({
      name: 'heartline_epoch',
      help: 'The epoch that is followed, 0 before the first decision',
      labelNames: ['shard'],
      aggregator: 'max',
      registers,
      collect() {
        this.set({ shard: '0' }, sources.epoch())
      },
    })
  }

  /** Adds the count of requests that arrived, answered or not. */
  watchArrivals(arrived: () => number): void {
    new Counter({
      name: 'heartline_requests_total',
      help: 'Requests that arrived, answered yet or not',
      registers: [this.#registry],
      collect() {
        this.reset()
        this.inc(arrived())
      },
    })
  }

  answered(method: string, code: number, path: string, backend: string, tookMs: number): void {
    this.#durations.observe(method, code, path, backend, tookMs / 1_000)
  }

  replayed(reason: Failure['type']): void {
    this.#replays.inc({ reason })
    this.#replayed += 1
  }

  standbyRead(result: StandbyResult): void {
    this.#standbyReads.inc({ result })
  }

  failedOver(tookMs: number): void {
    this.#failovers.observe(tookMs / 1_000)
  }

  /** What was counted since the start, and `held` since the last call, for the figures that the receivers are told. */
  counted(): Counted {
    return { ...this.#durations.counted(), replays: this.#replayed, held: this.#takeHeldPeak() }
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  json(): Promise<MetricsAsJson> {
    return this.#registry.getMetricsAsJSON()
  }
}
