/** What a report of one run tells, whatever it is drawn with. Pure. */
import type { LoadOptions } from '../config.ts'
import type { LoadResult } from '../load.ts'
import type { Pause } from '../pause-log.ts'
import type { LoadReport } from '../report.ts'
import type { TimelinePoint } from '../timeline.ts'

/** How many findings are named, and how many pauses beside the failovers: on a busy machine there are many. */
const findingsShown = 50
const pausesShown = 20

/** A pause, or a failover. */
export interface StoryPause {
  /** When the last good answer before it came, seconds since the run began. */
  atSeconds: number
  pauseMs: number
  failover: boolean
  /** Who answered before and after, and the epoch after; 0 where answers have none. */
  from: string
  to: string
  epoch: number
}

export interface RunStory {
  title: string
  /** ISO 8601, when the report was made. */
  madeAt: string
  settings: [name: string, value: string][]
  report: LoadReport
  findings: string[]
  /** In the order of time. */
  pauses: StoryPause[]
  /** Width of one interval, milliseconds. */
  widthMs: number
  points: TimelinePoint[]
  /** Names of all backends that answered, in the order of the alphabet. */
  backends: string[]
}

export function storyOf(options: LoadOptions, { report, findings, tally }: LoadResult, madeAt: Date): RunStory {
  const { points, widthMs } = tally.timeline()
  const told = findings.slice(0, findingsShown).map(({ kind, key, detail }) => `${kind} ${key}: ${detail}`)
  if (findings.length > findingsShown) told.push(`and ${findings.length - findingsShown} more`)
  return {
    title: `Load on ${options.target.map(withoutSecrets).join(', ')}`,
    madeAt: madeAt.toISOString(),
    settings: settingsTold(options),
    report,
    findings: told,
    pauses: worthShowing(tally.pauses).map(({ atMs, pauseMs, failover, from, to, epochAfter }) => ({
      atSeconds: (atMs - tally.startMs) / 1_000,
      pauseMs,
      failover,
      from,
      to,
      epoch: epochAfter,
    })),
    widthMs,
    points,
    backends: [...new Set(points.flatMap(({ backends }) => Object.keys(backends)))].sort(),
  }
}

/** All failovers, and the longest of the other pauses, in the order of time. */
function worthShowing(pauses: readonly Pause[]): Pause[] {
  const longest = pauses.filter(({ failover }) => !failover).sort((left, right) => right.pauseMs - left.pauseMs)
  const shown = new Set(longest.slice(0, pausesShown))
  return pauses.filter((pause) => pause.failover || shown.has(pause))
}

function settingsTold(options: LoadOptions): [string, string][] {
  const { path, method, body, keyHeader, keyCount, rate, clients, durationMs, writeRatio, seed, keys } = options
  const mix = `the ticket office's checked mix, ${Math.round(writeRatio * 100)} % writes${keys ? ', with keys' : ''}`
  const request = `${method ?? (body === undefined ? 'GET' : 'POST')} ${path}`
  return [
    ['requests', path === undefined ? mix : request],
    ...(body === undefined ? [] : [['body', `${Buffer.byteLength(body)} bytes`] satisfies [string, string]]),
    ...(keyHeader === undefined ? [] : [[keyHeader, `one of ${keyCount} values`] satisfies [string, string]]),
    ['rate', `${rate} per second, on ${clients} connections, for ${durationMs / 1_000} s`],
    ['seed', `${seed}`],
  ]
}

/** A URL may carry a password, and a report is passed on. */
function withoutSecrets(target: string): string {
  const url = new URL(target)
  return `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`
}
