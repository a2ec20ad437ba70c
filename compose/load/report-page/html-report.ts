/** A run as one page that needs nothing else: no network, and without JavaScript its tables and a static picture. Pure. */
import { escapeMarkup, scriptJson } from './markup.ts'
import type { RunStory } from './run-story.ts'
import { palette, svgReport } from './svg-report.ts'

/** What is put into the page as it is. */
export interface PageAssets {
  uplotScript: string
  uplotStyle: string
  script: string
  style: string
}

/** Forbids whatever would need the network. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

export function htmlReport(story: RunStory, assets: PageAssets): string {
  const title = escapeMarkup(story.title)
  const data = { points: story.points, pauses: story.pauses, backends: story.backends, widthMs: story.widthMs, palette }
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
<style>${assets.uplotStyle}</style>
<style>${assets.style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="made">${escapeMarkup(story.madeAt)}</p>
${table('Summary', summaryRows(story))}
<div id="charts"></div>
<noscript>${svgReport(story)}</noscript>
${backendTable(story)}
${pauseTable(story)}
${findingList(story)}
${table('Settings', story.settings)}
</main>
<script type="application/json" id="run">${scriptJson(data)}</script>
<script>${assets.uplotScript}</script>
<script>${assets.script}</script>
</body>
</html>
`
}

function summaryRows({ report }: RunStory): [string, string][] {
  const { requests, ok, errors, lost, doubled, pauseMs, throughput, latencyMs } = report
  const codes = Object.entries(errors).map(([code, count]) => `${code}: ${count}`)
  return [
    ['requests', `${requests}, ${ok} ok`],
    ['errors', codes.join(', ') || '0'],
    ['lost', `${lost}`],
    ['doubled', `${doubled}`],
    ['longest pause', `${pauseMs} ms`],
    ['throughput', `${throughput} per second`],
    ...(['p50', 'p90', 'p99', 'p999', 'max'] as const).map(
      (name) => [`latency ${name === 'p999' ? 'p99.9' : name}`, `${latencyMs[name]} ms`] satisfies [string, string],
    ),
  ]
}

function backendTable({ report: { backends, ok } }: RunStory): string {
  const rows = Object.entries(backends).map(([name, count]) => [
    name,
    `${count}`,
    `${((count / ok) * 100).toFixed(2)} %`,
  ])
  return rows.length === 0 ? '' : table('Backends', rows, ['backend', 'answers', 'share'])
}

function pauseTable({ pauses }: RunStory): string {
  const rows = pauses.map(({ atSeconds, pauseMs, failover, from, to, epoch }) => [
    `${atSeconds.toFixed(3)} s`,
    `${pauseMs.toFixed(1)} ms`,
    failover ? `failover from ${from} to ${to}, epoch ${epoch}` : `${from} to ${to}`,
  ])
  return rows.length === 0 ? '' : table('Pauses', rows, ['at', 'without an answer', 'what'])
}

function findingList({ findings }: RunStory): string {
  if (findings.length === 0) return ''
  const items = findings.map((line) => `<li>${escapeMarkup(line)}</li>`)
  return `<h2>Broken promises</h2><ul>${items.join('')}</ul>`
}

function table(title: string, rows: readonly (readonly string[])[], heads: readonly string[] = []): string {
  const cells = (row: readonly string[], tag: string) =>
    row
      .map((text, index) =>
        index === 0 && heads.length === 0
          ? `<th scope="row">${escapeMarkup(text)}</th>`
          : `<${tag}>${escapeMarkup(text)}</${tag}>`,
      )
      .join('')
  const head = heads.length === 0 ? '' : `<thead><tr>${cells(heads, 'th')}</tr></thead>`
  const body = rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')
  return `<h2>${escapeMarkup(title)}</h2><table>${head}<tbody>${body}</tbody></table>`
}
