/** A run as one static picture: latency, throughput and errors, shares of the backends, pauses. Pure: a story in, SVG out. */
import { escapeMarkup } from './markup.ts'
import type { RunStory } from './run-story.ts'
import { axisTicks, compactNumber, linePath, type Scale, scaleOf } from './svg-scale.ts'

const width = 960
const margin = { left: 64, right: 16 }
const panelHeight = 170
/** Room above a panel for its title and legend, and below for the time. */
const above = 30
const below = 24
const headHeight = 58
/** Colours that can be told apart also by those who see fewer (Okabe and Ito). */
export const palette = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8a8a00', '#7a5195']

/** How the picture looks; it follows the reader's preference where the viewer knows it. */
const style = `text{font:12px system-ui,sans-serif;fill:#222}.title{font-size:17px;font-weight:600}.small{fill:#666;font-size:11px}
.grid{stroke:#e3e3e3}.paper{fill:#fff}.line{fill:none;stroke-width:1.5}.failover{fill:#d55e00;fill-opacity:.25}.pause{fill:#888;fill-opacity:.18}
@media(prefers-color-scheme:dark){text{fill:#ddd}.small{fill:#999}.grid{stroke:#333}.paper{fill:#16181c}}`

interface Panel {
  title: string
  y: Scale
  /** Marks inside the panel, drawn at x and y as given by the scales. */
  marks: string
  legend: { name: string; colour: string }[]
}

/** The whole picture. */
export function svgReport(story: RunStory): string {
  const lastSeconds = (story.points.at(-1)?.atSeconds ?? 0) + story.widthMs / 1_000
  const x = scaleOf([0, Math.max(lastSeconds, 0.001)], [margin.left, width - margin.right])
  const panels = [latencyPanel(story, x), ratePanel(story, x), sharePanel(story, x)]
  const height = headHeight + panels.length * (above + panelHeight + below)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeMarkup(story.title)}</title><style>${style}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<text class="title" x="${margin.left}" y="24">${escapeMarkup(story.title)}</text>`,
    `<text class="small" x="${margin.left}" y="42">${escapeMarkup(summaryText(story))}</text>`,
    ...panels.map((panel, index) => drawPanel(panel, headHeight + index * (above + panelHeight + below), x, story)),
    '</svg>\n',
  ].join('\n')
}

function summaryText({ report, madeAt }: RunStory): string {
  const { requests, ok, throughput, pauseMs, latencyMs, lost, doubled } = report
  const rest = `longest pause ${pauseMs} ms, lost ${lost}, doubled ${doubled}, ${madeAt}`
  return `${requests} requests, ${ok} ok, ${throughput}/s, p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms, ${rest}`
}

function latencyPanel({ points }: RunStory, x: Scale): Panel {
  const known = points.flatMap(({ latencyMs }) => (latencyMs ? [latencyMs.p50, latencyMs.max] : []))
  // Over decades: what matters is both the usual millisecond and the pause of hundreds.
  const lowest = 10 ** Math.floor(Math.log10(Math.max(0.01, Math.min(...known, 1))))
  const y = scaleOf([lowest, Math.max(lowest * 10, ...known)], [panelHeight, 0], 'logarithmic')
  const shown = ['p50', 'p90', 'p99', 'max'] as const
  const legend = shown.map((name, index) => ({ name, colour: palette[index]! }))
  const lines = legend.map(({ name, colour }) => {
    const values = points.map(({ atSeconds, latencyMs }) => ({
      at: atSeconds,
      value: latencyMs?.[name as 'p50'] ?? null,
    }))
    return `<path class="line" stroke="${colour}" d="${linePath(values, x, y)}"/>`
  })
  return { title: 'latency, ms', y, marks: lines.join(''), legend }
}

function ratePanel({ points }: RunStory, x: Scale): Panel {
  const highest = Math.max(1, ...points.map(({ goodPerSecond, errorsPerSecond }) => goodPerSecond + errorsPerSecond))
  const y = scaleOf([0, highest], [panelHeight, 0])
  const line = (name: 'goodPerSecond' | 'errorsPerSecond', colour: string) => {
    const values = points.map((point) => ({ at: point.atSeconds, value: point[name] }))
    return `<path class="line" stroke="${colour}" d="${linePath(values, x, y)}"/>`
  }
  const legend = [
    { name: 'good answers', colour: palette[2]! },
    { name: 'errors', colour: palette[5]! },
  ]
  const marks = line('goodPerSecond', palette[2]!) + line('errorsPerSecond', palette[5]!)
  return { title: 'answers per second', y, marks, legend }
}

function sharePanel({ points, backends, widthMs }: RunStory, x: Scale): Panel {
  const y = scaleOf([0, 100], [panelHeight, 0])
  const legend = backends.map((name, index) => ({ name, colour: palette[index % palette.length]! }))
  const bars = points.flatMap((point) => {
    const all = Object.values(point.backends).reduce((sum, count) => sum + count, 0)
    const left = x.at(point.atSeconds)
    const right = x.at(point.atSeconds + widthMs / 1_000)
    let below = 0
    return legend.flatMap(({ name, colour }) => {
      const share = all === 0 ? 0 : ((point.backends[name] ?? 0) / all) * 100
      below += share
      if (share === 0) return []
      const [top, barHeight] = [y.at(below), y.at(below - share) - y.at(below)].map((value) => value.toFixed(1))
      return [
        `<rect x="${left.toFixed(1)}" y="${top}" width="${(right - left).toFixed(2)}" height="${barHeight}" fill="${colour}"/>`,
      ]
    })
  })
  return { title: 'share of answers by backend, %', y, marks: bars.join(''), legend: legend.slice(0, 10) }
}

function drawPanel({ title, y, marks, legend }: Panel, top: number, x: Scale, story: RunStory): string {
  const rows = axisTicks(y, 5).map((value) => {
    const height = y.at(value).toFixed(1)
    const grid = `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${height}" y2="${height}"/>`
    return `${grid}<text class="small" x="${margin.left - 6}" y="${height}" dy="4" text-anchor="end">${compactNumber(value)}</text>`
  })
  const columns = axisTicks(x, 10).map(
    (value) =>
      `<text class="small" x="${x.at(value).toFixed(1)}" y="${panelHeight + 15}" text-anchor="middle">${compactNumber(value)} s</text>`,
  )
  let legendX = margin.left + 210
  const names = legend.map(({ name, colour }) => {
    const at = legendX
    legendX += 26 + Math.min(20, name.length) * 7
    return `<rect x="${at}" y="-17" width="10" height="10" fill="${colour}"/><text class="small" x="${at + 14}" y="-8">${escapeMarkup(name.slice(0, 20))}</text>`
  })
  const heading = `<text x="${margin.left}" y="-8">${escapeMarkup(title)}</text>`
  return `<g transform="translate(0 ${top + above})">${heading}${names.join('')}${rows.join('')}${columns.join('')}${marks}${pauseMarks(story, x)}</g>`
}

function pauseMarks({ pauses }: RunStory, x: Scale): string {
  return pauses
    .map(({ atSeconds, pauseMs, failover, from, to, epoch }) => {
      const left = x.at(atSeconds)
      const wide = Math.max(1.5, x.at(atSeconds + pauseMs / 1_000) - left).toFixed(1)
      const what = failover ? `failover to ${to}, epoch ${epoch}: ` : from === to ? '' : `${from} to ${to}: `
      return `<rect class="${failover ? 'failover' : 'pause'}" x="${left.toFixed(1)}" y="0" width="${wide}" height="${panelHeight}"><title>${escapeMarkup(`${what}${pauseMs.toFixed(1)} ms without an answer`)}</title></rect>`
    })
    .join('')
}
