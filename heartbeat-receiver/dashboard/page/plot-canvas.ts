/** A plot by uPlot: new points are handed over, failovers are marked, and cursors of all plots move together. */
import { html } from 'htm/preact'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import type { BoardReign, TrafficPoint } from '../board.ts'
import { type PlotKind, type PlotMark, plotColumns, plotMarks } from './plot-data.ts'
import { figureText } from './words.ts'

const height = 168
/** The stretch that is shown, seconds. */
const stretchSeconds = 120

interface PlotProps {
  readonly kind: PlotKind
  readonly traffic: readonly TrafficPoint[]
  readonly reigns: readonly BoardReign[]
  readonly nowMs: number
}

export function PlotCanvas({ kind, traffic, reigns, nowMs }: PlotProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const marks = useRef<readonly PlotMark[]>([])
  const data = useRef(plotColumns([], kind.series) as uPlot.AlignedData)

  useEffect(() => {
    const element = place.current!
    const make = () => {
      plot.current?.destroy()
      plot.current = new uPlot(
        optionsOf(kind, element.clientWidth, () => marks.current),
        data.current,
        element,
      )
    }
    make()
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', make)
    return () => {
      observer.disconnect()
      scheme.removeEventListener('change', make)
      plot.current?.destroy()
    }
  }, [kind])

  useEffect(() => {
    marks.current = plotMarks(reigns)
    data.current = plotColumns(traffic, kind.series) as uPlot.AlignedData
    const chart = plot.current
    if (!chart) return
    chart.batch(() => {
      chart.setData(data.current, false)
      const end = Math.max(nowMs, traffic.at(-1)?.atMs ?? 0) / 1_000
      chart.setScale('x', { min: end - stretchSeconds, max: end })
    })
    const pointed = (chart.cursor.left ?? -1) >= 0
    if (!pointed && traffic.length > 0) chart.setLegend({ idx: data.current[0].length - 1 })
  }, [kind, traffic, reigns])

  return html`<div class="plot" ref=${place} aria-hidden="true"></div>`
}

function optionsOf({ series, unit }: PlotKind, width: number, marks: () => readonly PlotMark[]): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const ink = (name: string) => style.getPropertyValue(name)
  const axis = {
    stroke: ink('--faint'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: ink('--line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height,
    padding: [8, 8, 0, 0],
    cursor: { sync: { key: 'traffic' }, points: { size: 6 }, drag: { x: false, y: false } },
    legend: { live: true, markers: { width: 2 } },
    scales: {
      x: { time: true, auto: false },
      y: { range: (_plot, _min, max) => [0, Math.max(leastTop(unit), max * 1.1)] },
    },
    axes: [
      { ...axis, space: 70, values: '{HH}:{mm}:{ss}', size: 26 },
      { ...axis, size: 46, space: 32, values: (_plot, values) => values.map((value) => figureText(value)) },
    ],
    series: [
      { value: '{HH}:{mm}:{ss}', label: 'time' },
      ...series.map(({ label, tone }, index) => ({
        label,
        stroke: ink(`--${tone}`),
        width: 1.5,
        ...(index === 0 ? { fill: `${ink(`--${tone}`)}1c` } : { dash: [5, 3] }),
        points: { show: false },
        value: (_plot: uPlot, value: number | null) => (value === null ? '–' : figureText(value)),
      })),
    ],
    hooks: { draw: [(plot) => drawMarks(plot, marks(), ink('--bad'), ink('--info'))] },
  }
}

/** An empty plot still has a scale. */
function leastTop(unit: PlotKind['unit']): number {
  return unit === 'ms' ? 5 : 10
}

/** A line from top to bottom where the active changed: whole with a triangle for a failover, dashed for a handover. */
function drawMarks(plot: uPlot, marks: readonly PlotMark[], failover: string, handover: string): void {
  const { ctx: context, bbox } = plot
  const ratio = devicePixelRatio
  context.save()
  for (const { x, planned } of marks) {
    const left = plot.valToPos(x, 'x', true)
    if (left < bbox.left || left > bbox.left + bbox.width) continue
    context.strokeStyle = context.fillStyle = planned ? handover : failover
    context.lineWidth = 1.25 * ratio
    context.setLineDash(planned ? [4 * ratio, 3 * ratio] : [])
    context.beginPath()
    context.moveTo(left, bbox.top)
    context.lineTo(left, bbox.top + bbox.height)
    context.stroke()
    context.beginPath()
    context.moveTo(left - 4 * ratio, bbox.top)
    context.lineTo(left + 4 * ratio, bbox.top)
    context.lineTo(left, bbox.top + 6 * ratio)
    context.fill()
  }
  context.restore()
}
