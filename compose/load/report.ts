/** The report of a load, as people and scripts rely on it. */
import type { Finding } from './findings.ts'
import type { Tally } from './tally.ts'

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
  /** From the intended time to the complete answer, milliseconds, within a thousandth; good answers only. */
  latencyMs: { p50: number; p90: number; p99: number; p999: number; max: number }
  /** Good answers by `X-Heartline-Backend`, the most first. */
  backends: Record<string, number>
}

/** Codes under which findings that are neither lost nor doubled count as errors. */
const findingCodes = { stale: 'STALE_READ', wrong: 'WRONG_ANSWER' } as const

export interface ReportInput {
  tally: Tally
  findings: Finding[]
  /** Requests that were intended, but never found a free client; counted as `NOT_SENT`. */
  abandoned: number
  /** How often something could not be verified; counted as `READ_BACK_FAILED`. */
  readBackFailures?: number
}

export function reportOf({ tally, findings, abandoned, readBackFailures = 0 }: ReportInput): LoadReport {
  const counted = new Map<string, number>(tally.errors)
  const add = (code: string, count: number) => counted.set(code, (counted.get(code) ?? 0) + count)
  if (abandoned > 0) add('NOT_SENT', abandoned)
  if (readBackFailures > 0) add('READ_BACK_FAILED', readBackFailures)
  for (const { kind, count } of findings) if (kind === 'stale' || kind === 'wrong') add(findingCodes[kind], count)
  const latencyAt = (share: number) => rounded(tally.latencyMs(share))
  return {
    requests: tally.ok + tally.failed + abandoned,
    ok: tally.ok,
    errors: Object.fromEntries([...counted].sort(([, left], [, right]) => right - left)),
    lost: countOf(findings, 'lost'),
    doubled: countOf(findings, 'doubled'),
    pauseMs: rounded(tally.pauseMs),
    throughput: tally.spanMs > 0 ? rounded((tally.ok / tally.spanMs) * 1_000) : 0,
    latencyMs: {
      p50: latencyAt(0.5),
      p90: latencyAt(0.9),
      p99: latencyAt(0.99),
      p999: latencyAt(0.999),
      max: latencyAt(1),
    },
    backends: tally.backends,
  }
}

/** True if every request was answered well and every promise was kept; a run without a single request proves nothing. */
export function isClean(report: LoadReport): boolean {
  return report.requests > 0 && Object.keys(report.errors).length === 0 && report.lost === 0 && report.doubled === 0
}

function countOf(findings: Finding[], kind: Finding['kind']): number {
  return findings.reduce((sum, finding) => (finding.kind === kind ? sum + finding.count : sum), 0)
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
    ...sharesLine(report),
    ...findings.slice(0, findingsShown).map(({ kind, key, detail }) => `${kind.padEnd(11)} ${key}: ${detail}`),
  ]
  if (findings.length > findingsShown) lines.push(`            and ${findings.length - findingsShown} more`)
  return lines.join('\n')
}

/** How many backends a summary names. */
const backendsShown = 12

function sharesLine({ backends, ok }: LoadReport): string[] {
  const all = Object.entries(backends)
  if (all.length === 0) return []
  const shares = all.slice(0, backendsShown).map(([name, count]) => `${name} ${((count / ok) * 100).toFixed(1)} %`)
  if (all.length > backendsShown) shares.push(`and ${all.length - backendsShown} more`)
  return [`answered by ${shares.join(', ')}`]
}
