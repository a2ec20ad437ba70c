/** What Prometheus is told. Names and labels are part of the contract. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { certificateMetric } from './certificate-metric.ts'

/** Backends that get a label of their own; the rest share `other`, so that names made up by anyone do not fill the memory. */
const labelledMax = 1_000
const gapBucketsS = [0.05, 0.09, 0.1, 0.11, 0.125, 0.15, 0.2, 0.3, 0.5, 1, 2, 5]
const failoverBucketsS = [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10]

export class Metrics {
  readonly registry = new Registry()
  /** To be told of each certificate that is taken into use. */
  readonly certificate = certificateMetric([this.registry])
  readonly #labelled = new Set<string>()
  readonly #heartbeats: Counter<'backend'>
  readonly #gap: Histogram
  readonly #suspicions: Counter<'reason'>
  readonly #epoch: Gauge<'shard'>
  readonly #failover: Histogram
  readonly #leads: Gauge

  constructor() {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    this.#heartbeats = new Counter({
      name: 'heartline_heartbeats_total',
      help: 'Heartbeats received.',
      labelNames: ['backend'],
      registers,
    })
    this.#gap = new Histogram({
      name: 'heartline_heartbeat_gap_seconds',
      help: 'Time between two heartbeats of one connection.',
      buckets: gapBucketsS,
      registers,
    })
    this.#suspicions = new Counter({
      name: 'heartline_suspicions_total',
      help: 'Backends suspected, by the first evidence.',
      labelNames: ['reason'],
      registers,
    })
    this.#epoch = new Gauge({
      name: 'heartline_epoch',
      help: 'Epoch of the decision in force.',
      labelNames: ['shard'],
      registers,
    })
    this.#failover = new Histogram({
      name: 'heartline_failover_seconds',
      help: 'From the first evidence to the successor being active.',
      buckets: failoverBucketsS,
      registers,
    })
    this.#leads = new Gauge({
      name: 'heartline_receiver_leads',
      help: '1 while this receiver decides, 0 while it follows another.',
      registers,
    })
  }

  leads(leads: boolean): void {
    this.#leads.set(leads ? 1 : 0)
  }

  /** `gapMs` is undefined for the first heartbeat of a connection. */
  heartbeat(backend: string, gapMs: number | undefined): void {
    const known = this.#labelled.has(backend) || this.#labelled.size < labelledMax
    if (known) this.#labelled.add(backend)
    this.#heartbeats.inc({ backend: known ? backend : 'other' })
    if (gapMs !== undefined) this.#gap.observe(gapMs / 1_000)
  }

  suspicion(reason: string): void {
    this.#suspicions.inc({ reason })
  }

  epoch(shard: number, epoch: number): void {
    this.#epoch.set({ shard: String(shard) }, epoch)
  }

  failover(tookMs: number): void {
    this.#failover.observe(tookMs / 1_000)
  }
}
