/** The benchmarks by name. Each module is loaded only when it is asked for. */
import type { Benchmark } from './benchmark.ts'

export const benchmarks: Readonly<Record<string, { summary: string; load: () => Promise<Benchmark> }>> = {
  writes: {
    summary: 'durable POSTs: checkpoint on Kafka beside plain memory, PostgreSQL and Redis',
    load: async () => (await import('./writes/writes.ts')).writes,
  },
  reads: {
    summary: 'linearizable reads, under a lease and by barriers, beside reads with no protection',
    load: async () => (await import('./reads/reads.ts')).reads,
  },
  journal: {
    summary: "transactions beside Kafka's own producer performance tool, and beside a bare append",
    load: async () => (await import('./journal/journal.ts')).journal,
  },
  failover: {
    summary:
      'the pause, errors and doubled writes when the active dies, beside nginx, HAProxy and Caddy, or with large states',
    load: async () => (await import('./failover/failover.ts')).failover,
  },
  detection: {
    summary: 'false alarms while others saturate the cores, and the time to notice a hang and a kill in quiet',
    load: async () => (await import('./detection/detection.ts')).detection,
  },
  handover: {
    summary: 'the pause and the errors of planned handovers, and of restarts of every kind of process',
    load: async () => (await import('./handover/handover.ts')).handover,
  },
  timeline: {
    summary: 'where the time of a failover goes, step by step, in all processes',
    load: async () => (await import('./failover/timeline.ts')).timeline,
  },
  restore: {
    summary: 'a cold start from a snapshot and the tail, beside a bare consumer of the same bytes',
    load: async () => (await import('./restore/restore.ts')).restore,
  },
  receiver: {
    summary: 'what 10 to 10,000 heartbeating backends cost one receiver, and its time from a kill to the decision',
    load: async () => (await import('./receiver/receiver.ts')).receiver,
  },
  proxy: {
    summary: 'requests per second of one core, beside nginx, HAProxy, Caddy and the proxies of Node',
    load: async () => (await import('./proxy/proxy.ts')).proxy,
  },
  dashboard: {
    summary: 'frame times of the page with 200 backends, and what open dashboards cost the receiver',
    load: async () => (await import('./dashboard/dashboard.ts')).dashboard,
  },
  'slow-clients': {
    summary: 'the latency of normal traffic, alone and beside thousands of idle and slow clients',
    load: async () => (await import('./slow-clients/slow-clients.ts')).slowClients,
  },
}
