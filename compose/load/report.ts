/** The report of a load, as people and scripts rely on it. */
import type { Finding } from './findings.ts'
import type { HistoryEntry } from './operations.ts'
import { longestPauseMs } from './pauses.ts'

export interface LoadReport {
  /** Requests sent, and those intended that never found a free client. */
  requests: number
  /** Requests with a legitimate answer. */
  ok: number
  /** Failures by status or code; stale reads and wrong answers of the verifier are among them. */
  errors: Record<string, number>
  /** Acknowledged changes that are not there. */
  lost: number
  /** Changes applied more than once. */
  doubled: number
  /** Longest time between two successive good answers over all clients, milliseconds. */
  pauseMs: number
  /** Good answers per second, from the first intended time to the last answer. */
  throughput: number
  /** From the intended time to the complete answer, milliseconds; good answers only. */
  latencyMs: { p50: number; p90: number; p99: number; p999: number; max: number }
}

/** Codes under which findings that are neither lost nor doubled count as errors. */
const findingCodes = { stale: 'STALE_READ', wrong: 'WRONG_ANSWER' } as const

export interface ReportInput {
  history: HistoryEntry[]
  findings: Finding[]
  /** Requests that were intended, but never found a free client; counted as `NOT_SENT`. */
  abandoned: number
  /** True if nothing could be verified; counted as `READ_BACK_FAILED`. */
  readBackFailed?: boolean
}

export function reportOf({ history, findings, abandoned, readBackFailed = false }: ReportInput): LoadReport {
  const counted = new Map<string, number>()
  const add = (code: string, count: number) => counted.set(code, (counted.get(code) ?? 0) + count)
  if (abandoned > 0) add('NOT_SENT', abandoned)
  if (readBackFailed) add('READ_BACK_FAILED', 1)
  for (const { outcome } of history) if (outcome.type !== 'answered') add(outcome.code, 1)
  for (const { kind, count } of findings) if (kind === 'stale' || kind === 'wrong') add(findingCodes[kind], count)
  const good = history.filter(({ outcome }) => outcome.type === 'answered')
  const answersMs = Float64Array.from(good, ({ endMs }) => endMs).sort()
  const firstMs = history.reduce((first, { intendedMs }) => Math.min(first, intendedMs), Number.POSITIVE_INFINITY)
  const spanMs = good.length === 0 ? 0 : answersMs.at(-1)! - firstMs
  return {
    requests: history.length + abandoned,
    ok: good.length,
    errors: Object.fromEntries([...counted].sort(([, left], [, right]) => right - left)),
    lost: countOf(findings, 'lost'),
    doubled: countOf(findings, 'doubled'),
    pauseMs: rounded(longestPauseMs(answersMs)),
    throughput: spanMs > 0 ? rounded((good.length / spanMs) * 1_000) : 0,
    latencyMs: latenciesOf(good),
  }
}

/** True if every request was answered well and every promise was kept; a run without a single request proves nothing. */
export function isClean(report: LoadReport): boolean {
  return report.requests > 0 && Object.keys(report.errors).length === 0 && report.lost === 0 && report.doubled === 0
}

function countOf(findings: Finding[], kind: Finding['kind']): number {
  return findings.reduce((sum, finding) => (finding.kind === kind ? sum + finding.count : sum), 0)
}

function latenciesOf(good: HistoryEntry[]): LoadReport['latencyMs'] {
  const sorted = Float64Array.from(good, ({ intendedMs, endMs }) => endMs - intendedMs).sort()
  const at = (share: number) => rounded(percentile(sorted, share))
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) }
}

/** The smallest value that at least `share` of all values do not exceed (nearest rank); 0 of none. */
export function percentile(ascending: Float64Array, share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? 0
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

/** How many findings a summary names. */
const findingsShown = 10

/** A summary for people. */
export function summaryOf(report: LoadReport, findings: Finding[]): string {
  const { p50, p90, p99, p999, max } = report.latencyMs
  const errors = Object.entries(report.errors).map(([code, count]) => `${code} ${count}`)
  const lines = [
    `requests    ${report.requests} (${report.ok} ok, ${report.throughput}/s)`,
    `errors      ${errors.join(', ') || 0}`,
    `lost        ${report.lost}`,
    `doubled     ${report.doubled}`,
    `pause       ${report.pauseMs} ms`,
    `latency     p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms, p99.9 ${p999} ms, max ${max} ms`,
    ...findings.slice(0, findingsShown).map(({ kind, key, detail }) => `${kind.padEnd(11)} ${key}: ${detail}`),
  ]
  if (findings.length > findingsShown) lines.push(`            and ${findings.length - findingsShown} more`)
  return lines.join('\n')
}
