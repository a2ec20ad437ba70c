/** Traffic as columns for uPlot, the marks of failovers upon them, and the same in words. */
import { type BoardReign, type TrafficPoint, trafficIntervalMs } from '../board.ts'
import { figureText, spanText } from './words.ts'

/** A column per series, x first, in Unix seconds. Null is a gap. */
export type Columns = (number | null)[][]

export interface PlotSeries {
  readonly key: 'requestsPerSecond' | 'errorsPerSecond' | 'p50Ms' | 'p99Ms' | 'held'
  readonly label: string
  /** The colour of the style sheet that it has; the second of a plot is dashed too. */
  readonly tone: 'good' | 'info' | 'bad'
}

export interface PlotKind {
  readonly title: string
  readonly unit: 'requests/s' | 'ms' | 'requests'
  readonly series: readonly PlotSeries[]
}

export const plotKinds: readonly PlotKind[] = [
  {
    title: 'Request rate',
    unit: 'requests/s',
    series: [
      { key: 'requestsPerSecond', label: 'answered', tone: 'good' },
      { key: 'errorsPerSecond', label: 'errors', tone: 'bad' },
    ],
  },
  {
    title: 'Latency',
    unit: 'ms',
    series: [
      { key: 'p50Ms', label: 'p50', tone: 'good' },
      { key: 'p99Ms', label: 'p99', tone: 'info' },
    ],
  },
  { title: 'Held requests', unit: 'requests', series: [{ key: 'held', label: 'held', tone: 'info' }] },
]

/** Points that lie further apart than so many intervals have a gap between them. */
const gapIntervals = 4

export function plotColumns(points: readonly TrafficPoint[], series: readonly PlotSeries[]): Columns {
  const columns: Columns = [[], ...series.map(() => [])]
  let lastMs: number | null = null
  for (const point of points) {
    if (lastMs !== null && point.atMs - lastMs > gapIntervals * trafficIntervalMs)
      push(
        columns,
        (lastMs + trafficIntervalMs) / 1_000,
        series.map(() => null),
      )
    push(
      columns,
      point.atMs / 1_000,
      series.map(({ key }) => point[key]),
    )
    lastMs = point.atMs
  }
  return columns
}

function push(columns: Columns, x: number, values: readonly (number | null)[]): void {
  columns[0]!.push(x)
  for (const [index, value] of values.entries()) columns[index + 1]!.push(value)
}

export interface PlotMark {
  /** Unix seconds. */
  readonly x: number
  readonly label: string
  readonly planned: boolean
}

/** Where the active changed. */
export function plotMarks(reigns: readonly BoardReign[]): PlotMark[] {
  return reigns
    .filter(({ previous }) => previous !== null)
    .map(({ detectedAtMs, epoch, planned }) => ({ x: detectedAtMs / 1_000, label: `epoch ${epoch}`, planned }))
}

/** What the plot shows, for those who cannot see it: the last value, the least and the most of each series. */
export function plotText(kind: PlotKind, points: readonly TrafficPoint[]): string {
  const last = points.at(-1)
  if (!last) return 'No balancer has told figures yet.'
  const parts = kind.series.map(({ key, label }) => {
    const values = points.map((point) => point[key])
    return `${label}: now ${say(kind, last[key])}, least ${say(kind, Math.min(...values))}, most ${say(kind, Math.max(...values))}`
  })
  return `${parts.join('; ')}; over the last ${spanText(last.atMs - points[0]!.atMs + trafficIntervalMs)}.`
}

function say({ unit }: PlotKind, value: number): string {
  return unit === 'ms' ? spanText(value) : `${figureText(value)} ${unit}`
}

/** The first and every so many-th point from the end, newest first, for a table that a person can read. */
export function thinned(points: readonly TrafficPoint[], everyMs: number, most: number): TrafficPoint[] {
  const step = Math.max(1, Math.round(everyMs / trafficIntervalMs))
  return points
    .toReversed()
    .filter((_, index) => index % step === 0)
    .slice(0, most)
}
