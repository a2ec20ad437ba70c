/** The demo's story and its report, as text. Pure. */
import type { FailoverReport, Kill } from './demo-failover.ts'
import { isComplete } from './demo-failover.ts'
import type { Finding } from './load/findings.ts'
import { isClean, type LoadReport, summaryOf } from './load/report.ts'

const columns = [
  ['detected', 'detectedMs'],
  ['decided', 'decidedMs'],
  ['ready', 'readyMs'],
  ['first answer', 'firstAnswerMs'],
  ['pause', 'pauseMs'],
] as const

/** Such as `kill -9 backend-2 (active, epoch 4)`. */
export function killLine({ backend, signal, epoch }: Pick<Kill, 'backend' | 'signal' | 'epoch'>): string {
  return `kill -${signal === 'SIGKILL' ? '9' : 'STOP'} ${backend} (active, epoch ${epoch})`
}

/** Such as `detected 2 ms, decided 4 ms, ready 9 ms, first answer 14 ms, pause 21 ms`. */
export function failoverLine(failover: FailoverReport): string {
  return columns.map(([title, key]) => `${title} ${cell(failover[key])}`).join(', ')
}

/** A table of the failovers, the totals and the verdict. */
export function demoSummary(report: LoadReport, findings: Finding[], failovers: FailoverReport[]): string {
  const header = ['backend', 'signal', ...columns.map(([title]) => title)]
  const rows = failovers.map((failover) => [
    failover.backend,
    failover.signal,
    ...columns.map(([, key]) => cell(failover[key])),
  ])
  return [table([header, ...rows]), '', summaryOf(report, findings), '', verdictLine(report, failovers)].join('\n')
}

/** True if every failover happened and no client noticed. */
export function isExact(report: LoadReport, failovers: FailoverReport[]): boolean {
  return isClean(report) && failovers.every(isComplete)
}

function verdictLine(report: LoadReport, failovers: FailoverReport[]): string {
  const failures = failovers.length === 1 ? '1 failure' : `${failovers.length} failures`
  if (isExact(report, failovers))
    return `exact: ${failures} of the active, and no client saw an error, a loss or a doubling`
  const missing = failovers.filter((failover) => !isComplete(failover)).length
  const reasons = [
    ...(missing > 0 ? [`${missing} of ${failures} not survived`] : []),
    ...(isClean(report) ? [] : ['clients noticed: see errors, lost and doubled above']),
  ]
  return `NOT exact: ${reasons.join('; ')}`
}

function cell(valueMs: number | null): string {
  return valueMs === null ? 'never' : `${valueMs} ms`
}

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row.map((text, column) => (column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!))),
    )
    .map((row) => row.join('  ').trimEnd())
    .join('\n')
}
