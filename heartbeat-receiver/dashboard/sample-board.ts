/** A board with everything on it, a moment after a failover: for tests of whoever draws one. */
import type { Board, BoardBackend, TrafficPoint } from './board.ts'
import { trafficIntervalMs } from './fold.ts'

/** When the sample was taken: 2026-03-01, 12:00 UTC. */
export const sampleAtMs = 1_772_366_400_000

const quiet = {
  ...{ weight: 1, alive: true, active: false, phase: 'standby' as const, reign: [0, 0] as [number, number] },
  ...{ offset: 48_211, lag: 0, inFlight: 0, eventLoopDelayMs: 11.2, suspicion: 0.2, silence: 0.31 },
  ...{ activeSinceMs: null, progress: null, draining: false, gone: null },
} satisfies Partial<BoardBackend>

/** The active was killed 2 s ago, and another leads; one more is being started, one is drained. Every field is filled somewhere. */
export function sampleBoard(atMs = sampleAtMs): Board {
  const killedAtMs = atMs - 2_000
  return {
    atMs,
    receiver: { name: 'receiver-1', version: '0.2.0', heartbeatMs: 100 },
    receivers: [
      { url: 'ws://127.0.0.1:7070', name: 'receiver-1', leads: true, reachable: true, problem: null },
      { url: 'ws://127.0.0.1:7071', name: 'receiver-2', leads: false, reachable: true, problem: null },
      { url: 'ws://127.0.0.1:7072', name: null, leads: false, reachable: false, problem: 'it is not connected' },
    ],
    journal: { reachable: true, offset: 48_211, recordsPerSecond: 412.5 },
    shards: [{ shard: 0, epoch: 8, active: 'backend-2', sinceMs: killedAtMs + 23 }],
    backends: sampleBackends(killedAtMs),
    balancers: [
      {
        name: 'balancer-1',
        sinceMs: atMs - 600_000,
        figures: { requestsPerSecond: 998, errorsPerSecond: 0, p50Ms: 1.4, p99Ms: 6.8, held: 0, replaysPerSecond: 0 },
      },
      { name: 'balancer-of-another-version', sinceMs: atMs - 300_000, figures: null },
    ],
    reigns: [
      {
        ...{
          shard: 0,
          epoch: 6,
          name: 'backend-3',
          previous: null,
          reason: 'no active was decided yet',
          planned: false,
        },
        ...{ detectedAtMs: atMs - 600_000, decidedAtMs: atMs - 600_000, readyAtMs: atMs - 599_940 },
        ...{ firstAnswerAtMs: null, held: null, endedAtMs: atMs - 90_000 },
      },
      {
        ...{ shard: 0, epoch: 7, name: 'backend-1', previous: 'backend-3', planned: true },
        reason: 'backend-3 hands over, as planned',
        ...{ detectedAtMs: atMs - 90_012, decidedAtMs: atMs - 90_000, readyAtMs: atMs - 89_996 },
        ...{ firstAnswerAtMs: atMs - 89_994, held: 3, endedAtMs: killedAtMs + 4 },
      },
      {
        ...{ shard: 0, epoch: 8, name: 'backend-2', previous: 'backend-1', planned: false },
        reason: 'its connection was closed and a new one was refused',
        ...{ detectedAtMs: killedAtMs, decidedAtMs: killedAtMs + 4, readyAtMs: killedAtMs + 23 },
        ...{ firstAnswerAtMs: killedAtMs + 26, held: 27, endedAtMs: null },
      },
    ],
    crashes: [
      {
        ...{ id: 1, atMs: killedAtMs + 4, name: 'backend-1', incarnation: 'incarnation-1', proven: true },
        reason: 'its connection was closed and a new one was refused',
        lastLines: ['<b>about to crash</b>', 'Segmentation fault'],
        done: 'backend-2 leads now with epoch 8, decided in 4 ms',
        advice: 'start backend-1 again: only one other backend is ready to take over',
      },
    ],
    traffic: sampleTraffic(atMs, killedAtMs),
    can: { handOver: true, drain: true, kill: true },
  }
}

function sampleBackends(killedAtMs: number): BoardBackend[] {
  const of = (name: string, incarnation: string, port: number) => ({
    ...{ name, incarnation, url: `http://127.0.0.1:${port}` },
  })
  return [
    {
      ...{ ...quiet, ...of('backend-1', 'incarnation-1', 9001), alive: false, phase: 'active', reign: [7, 1] },
      ...{ offset: 48_020, suspicion: 12.5, silence: 1, gone: 'its connection was closed and a new one was refused' },
    },
    {
      ...{ ...quiet, ...of('backend-2', 'incarnation-2', 9002), active: true, phase: 'active', reign: [8, 1] },
      ...{ inFlight: 14, activeSinceMs: killedAtMs + 23 },
    },
    { ...quiet, ...of('backend-3', 'incarnation-3', 9003), draining: true, weight: 2, reign: [6, 1] },
    {
      ...{ ...quiet, ...of('backend-4', 'incarnation-4', 9004), phase: 'starting', offset: 12_000, lag: 36_211 },
      progress: { ratio: 0.25, remainingMs: 4_200 },
    },
  ]
}

/** A minute of about 1,000 requests a second, with the failover in it. */
function sampleTraffic(atMs: number, killedAtMs: number): TrafficPoint[] {
  return Array.from({ length: 120 }, (_, index) => {
    const pointAtMs = atMs - (119 - index) * trafficIntervalMs
    const around = pointAtMs >= killedAtMs && pointAtMs < killedAtMs + trafficIntervalMs
    return {
      ...{ atMs: pointAtMs, requestsPerSecond: around ? 952 : 995 + (index % 7), errorsPerSecond: 0 },
      ...{ p50Ms: 1.3 + (index % 5) / 10, p99Ms: around ? 31 : 6 + (index % 4) },
      ...{ held: around ? 27 : 0, replaysPerSecond: around ? 22 : 0 },
    }
  })
}
