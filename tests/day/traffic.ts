/** A day of requests in an open loop: sent when they are due, whether or not answers come. */
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { replaysHeader, stalenessHeader } from '../../checkpoint/request-headers.ts'
import { LatencySketch } from '../../compose/load/latency-sketch.ts'
import type { Random } from '../../compose/load/random.ts'
import { phaseAt, phases, rateAt } from './plan.ts'
import { type Asked, countedPath, type Got, judge, type Mix } from './requests.ts'

export interface TrafficOptions {
  readonly url: string
  readonly mix: Mix
  readonly random: Random
  /** The least; it goes on until `ended` says so. */
  readonly durationMs: number
  readonly ended: () => boolean
  /** Highest rate of the day, requests per second. */
  readonly rateMax: number
}

export interface PhaseReport {
  readonly phase: string
  requests: number
  /** Wrong answers, and none. */
  errors: number
  /** POSTs whose server died, and of which nobody can know whether they ran. */
  unknown: number
  replayed: number
  /** Answers of standbys, which may be old. */
  stale: number
  readonly latency: LatencySketch
}

export interface TrafficReport {
  readonly phases: readonly PhaseReport[]
  /** The first errors, one line each. */
  readonly errors: readonly string[]
  /** POSTs to the counter that were answered rightly. */
  readonly counted: number
}

/** Longer than the balancer holds a request: it is to answer, not we to give up. */
const timeoutMs = 20_000
const turnMs = 4
const quotedErrors = 10

export async function runTraffic({
  url,
  mix,
  random,
  durationMs,
  ended,
  rateMax,
}: TrafficOptions): Promise<TrafficReport> {
  const pool = new Pool(url, { connections: 256, pipelining: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
  const byName = new Map(phases.map(({ name }) => [name, emptyReport(name)]))
  const errors: string[] = []
  const underWay = new Set<Promise<void>>()
  let counted = 0

  const send = async (asked: Asked, report: PhaseReport, dueMs: number, startMs: number): Promise<void> => {
    const { got, replays, stale } = await ask(pool, asked)
    report.requests++
    report.latency.add(performance.now() - dueMs)
    if (replays > 0) report.replayed++
    if (stale) report.stale++
    const verdict = judge(asked, got)
    if (verdict === 'unknown') report.unknown++
    if (verdict === 'right' && asked.path === countedPath) counted++
    if (verdict !== 'wrong') return
    report.errors++
    if (errors.length >= quotedErrors) return
    const what = 'failure' in got ? got.failure : `${got.status} ${got.text.slice(0, 200)}`
    const atS = ((dueMs - startMs) / 1_000).toFixed(2)
    errors.push(`${report.phase}, sent at ${atS} s: ${asked.method} ${asked.path}: ${what}`)
  }

  const startMs = performance.now()
  let dueMs = startMs
  for (let nowMs = startMs; nowMs < startMs + durationMs || !ended(); nowMs = performance.now()) {
    while (dueMs <= nowMs) {
      const share = Math.min(1, (dueMs - startMs) / durationMs)
      const phase = phaseAt(share)
      const sent = send(mix(random, phase.writes), byName.get(phase.name)!, dueMs, startMs)
      underWay.add(sent)
      void sent.finally(() => underWay.delete(sent))
      dueMs += 1_000 / (rateMax * rateAt(share))
    }
    await delay(turnMs)
  }
  await Promise.all(underWay)
  await pool.destroy()
  return { phases: [...byName.values()], errors, counted }
}

interface Answered {
  readonly got: Got
  readonly replays: number
  readonly stale: boolean
}

async function ask(pool: Pool, { method, path, body }: Asked): Promise<Answered> {
  try {
    const headers = body === null ? {} : { 'content-type': 'application/json' }
    const answer = await pool.request({ method, path, body, headers })
    const text = await answer.body.text()
    const told = (header: string) => Number(answer.headers[header] ?? 0)
    return { got: { status: answer.statusCode, text }, replays: told(replaysHeader), stale: told(stalenessHeader) > 0 }
  } catch (error) {
    return {
      got: { failure: `${(error as NodeJS.ErrnoException).code} ${(error as Error).message}` },
      replays: 0,
      stale: false,
    }
  }
}

function emptyReport(phase: string): PhaseReport {
  return { phase, requests: 0, errors: 0, unknown: 0, replayed: 0, stale: 0, latency: new LatencySketch(0.01) }
}
