/** A benchmark's result: the table for people, and the JSON line for scripts. Pure. */
import type { Machine } from './machine.ts'
import type { Spread } from './statistics.ts'

export interface Row extends Spread {
  name: string
  unit: string
}

/** What a benchmark found. */
export interface Findings {
  rounds: number
  rows: Row[]
  /** Ours over theirs for rates, theirs over ours for times: higher is better, 1 is equal. The key of a missing peer is missing. */
  ratios: Record<string, number>
  /** What a reader must know to judge the numbers: settings, peers that are not installed. */
  notes: string[]
  /** Every single measurement. */
  samples: unknown[]
}

/** The last line of `--json`. */
export interface Report {
  bench: string
  machine: Machine
  rounds: number
  rows: Row[]
  ratios: Record<string, number>
}

export function reportOf(bench: string, machine: Machine, { rounds, rows, ratios }: Findings): Report {
  return {
    bench,
    machine,
    rounds,
    rows: rows.map(({ name, unit, median, min, max }) => ({
      name,
      unit,
      median: rounded(median),
      min: rounded(min),
      max: rounded(max),
    })),
    ratios: Object.fromEntries(Object.entries(ratios).map(([key, value]) => [key, rounded(value)])),
  }
}

/** The table, the ratios and the notes, as text. */
export function tableOf(report: Report, notes: readonly string[]): string {
  const { cpu, cores, memoryGiB, kernel, node } = report.machine
  const header = ['', 'unit', 'median', 'min', 'max']
  const rows = report.rows.map(({ name, unit, median, min, max }) => [name, unit, ...[median, min, max].map(digits)])
  const ratios = Object.entries(report.ratios).map(([key, value]) => `  ${key.padEnd(14)} ${value.toFixed(2)}`)
  return [
    `${report.bench}, ${report.rounds} round${report.rounds === 1 ? '' : 's'}, on ${cores} x ${cpu}, ${memoryGiB} GiB, ${kernel}, Node ${node}`,
    '',
    ...aligned([header, ...rows]),
    ...(ratios.length === 0 ? [] : ['', 'ratios (higher is better, 1 is equal)', ...ratios]),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `- ${note}`)]),
  ].join('\n')
}

function aligned(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((text, column) => (column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}

/** Four significant digits, all digits before the point. */
function rounded(value: number): number {
  return Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(4))
}

/** As tables show it. */
export function digits(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : 3 })
}
