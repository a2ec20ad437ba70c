/** What Prometheus is told of a backend. Names and labels are part of the contract. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type Checkpoint, problem } from '../checkpoint/index.ts'
import { requestHeader } from '../checkpoint/request-headers.ts'
import { bearerToken, isAllowed } from '../heartbeat-receiver/token.ts'

/** Where a backend shows its metrics, on its own port. */
export const metricsPath = '/.heartline/metrics'

const commitBucketsS = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
const groupSizeBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096]

export class Metrics {
  readonly registry = new Registry()

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  /** Follows a checkpoint. To be called once. */
  watch(checkpoint: Checkpoint): void {
    const registers = [this.registry]
    const commit = new Histogram({
      name: 'heartline_commit_seconds',
      help: 'From the append of a group to its being durable and valid.',
      buckets: commitBucketsS,
      registers,
    })
    const groupSize = new Histogram({
      name: 'heartline_commit_group_size',
      help: 'Transactions and reads that shared one commit.',
      buckets: groupSizeBuckets,
      registers,
    })
    const fenced = new Counter({
      name: 'heartline_fenced_total',
      help: 'Reigns of this process that another ended.',
      registers,
    })
    checkpoint.on('committed', (tookMs, size) => {
      commit.observe(tookMs / 1_000)
      groupSize.observe(size)
    })
    checkpoint.on('fenced', () => fenced.inc())
    gauge(registers, 'heartline_journal_lag_records', 'Records known to stand in the journal and not read yet.', () => {
      return checkpoint.status().lag
    })
    gauge(
      registers,
      'heartline_journal_reachable',
      '1 if the journal answered within the last two seconds, else 0.',
      () => (checkpoint.status().journalReachable ? 1 : 0),
    )
    const restored =
      'Share of the state that is read at a cold start, or of the journal when catching up; 1 if none is under way.'
    gauge(registers, 'heartline_restore_ratio', restored, () => {
      const { phase, progress } = checkpoint.status()
      return progress?.ratio ?? (phase === 'starting' ? 0 : 1)
    })
    watchSnapshots(registers, checkpoint)
    watchReads(registers, checkpoint)
    gauge(registers, 'heartline_active', '1 if this process leads, else 0.', () => (checkpoint.leads ? 1 : 0))
  }
}

function watchReads(registers: Registry[], checkpoint: Checkpoint): void {
  const reads = new Counter({
    name: 'heartline_reads_total',
    help: 'Linearizable reads, and what else changed nothing: answered under a lease, or by a commit appended for them.',
    labelNames: ['by'],
    registers,
    collect() {
      const { byLease, byBarrier } = checkpoint.status().reads
      reads.reset()
      reads.inc({ by: 'lease' }, byLease)
      reads.inc({ by: 'barrier' }, byBarrier)
    },
  })
  gauge(registers, 'heartline_leased', '1 while a lease lets this process answer reads from memory, else 0.', () =>
    checkpoint.status().leased ? 1 : 0,
  )
}

function watchSnapshots(registers: Registry[], checkpoint: Checkpoint): void {
  const newest = () => checkpoint.status().snapshot?.newest
  gauge(registers, 'heartline_snapshot_age_seconds', 'Age of the newest snapshot; -1 if there is none.', () => {
    const writtenAtMs = newest()?.writtenAtMs
    return writtenAtMs === undefined ? -1 : Math.max(0, (Date.now() - writtenAtMs) / 1_000)
  })
  gauge(
    registers,
    'heartline_snapshot_bytes',
    'Size of the newest snapshot; 0 if there is none.',
    () => newest()?.bytes ?? 0,
  )
  gauge(
    registers,
    'heartline_snapshot_keys',
    'Keys in the newest snapshot; 0 if there is none.',
    () => newest()?.keys ?? 0,
  )
  gauge(
    registers,
    'heartline_snapshot_seconds',
    'How long the last snapshot took that this process wrote; 0: none.',
    () => {
      return (checkpoint.status().snapshot?.tookMs ?? 0) / 1_000
    },
  )
  const tail = 'Bytes of journal since the newest snapshot: what a start has to read besides it.'
  gauge(registers, 'heartline_snapshot_tail_bytes', tail, () => checkpoint.status().snapshot?.tailBytes ?? 0)
}

/**
 * Answers if this asks for the metrics. With a token, only who says it in `Authorization: Bearer TOKEN`; without one, only who asks
 * directly: a client of a balancer is no operator.
 * @returns false if it is not for us
 */
export function serveMetrics(
  { registry }: Metrics,
  token: string | undefined,
  { url, method, headers }: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (url !== metricsPath || method !== 'GET') return false
  if (token === undefined && (headers[requestHeader] !== undefined || headers.via !== undefined)) return false
  if (!isAllowed(token, bearerToken(headers.authorization))) {
    const refusal = problem(401, 'Unauthorized', { detail: 'wrong or missing token' })
    response.writeHead(401, { ...refusal.headers, 'www-authenticate': 'Bearer' }).end(JSON.stringify(refusal.body))
    return true
  }
  registry.metrics().then(
    (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
    () => response.writeHead(500).end(),
  )
  return true
}

function gauge(registers: Registry[], name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(read())
    },
  })
}
