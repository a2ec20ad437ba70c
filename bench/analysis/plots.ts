/** The plots of the analysis, as SVG drawn by Vega. Pure: results in, pictures out. */
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import type { AnalysisResults } from './results.ts'

/** Colours that can be told apart also by those who see fewer (Okabe and Ito). */
const palette = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00']
const config = {
  background: 'white',
  font: 'sans-serif',
  range: { category: palette },
  axis: { labelFontSize: 11, titleFontSize: 12 },
  title: { fontSize: 15, anchor: 'start' },
} as const

/** By file name; only what there are results for. */
export async function drawPlots(results: AnalysisResults): Promise<Map<string, string>> {
  const specs: [name: string, spec: TopLevelSpec | undefined][] = [
    ['a-1-shares.svg', sharesPlot(results)],
    ['a-2-spread.svg', spreadPlot(results)],
    ['a-2-deviation.svg', deviationPlot(results)],
    ['a-3-response-times.svg', responsePlot(results)],
    ['a-4-crash.svg', crashPlot(results)],
    ['a-5-moves.svg', movesPlot(results)],
    ['a-5-bounds.svg', boundsPlot(results)],
  ]
  const drawn = new Map<string, string>()
  for (const [name, spec] of specs) if (spec) drawn.set(name, await svgOf(spec))
  return drawn
}

async function svgOf(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile({ ...spec, config } as TopLevelSpec).spec), { renderer: 'none' })
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}

function sharesPlot({ shares, options }: AnalysisResults): TopLevelSpec | undefined {
  if (!shares) return undefined
  const values = shares.flatMap(({ strategy, counts, weights }) => {
    const name = new Set(Object.values(weights)).size > 1 ? `${strategy} ${Object.values(weights).join(':')}` : strategy
    return Object.entries(counts).map(([backend, requests]) => ({ strategy: name, backend, requests }))
  })
  return {
    title: `A-1: requests per backend, of ${options.requests} on 3`,
    width: { step: 26 },
    height: 260,
    data: { values },
    mark: 'bar',
    encoding: {
      x: { field: 'strategy', type: 'nominal', sort: null, title: null, axis: { labelAngle: -20 } },
      xOffset: { field: 'backend' },
      y: { field: 'requests', type: 'quantitative', title: 'requests' },
      color: { field: 'backend', type: 'nominal' },
    },
  }
}

function spreadPlot({ spreads, options }: AnalysisResults): TopLevelSpec | undefined {
  if (!spreads) return undefined
  const values = spreads.map((result) => ({
    ...result,
    low: result.mean - result.standardDeviation,
    high: result.mean + result.standardDeviation,
  }))
  const x = { field: 'backends', type: 'ordinal', title: 'backends', axis: { labelAngle: 0 } } as const
  return {
    title: `A-2: requests per backend, mean and standard deviation, of ${options.requests}`,
    data: { values },
    facet: byStrategy(spreads),
    columns: 3,
    spec: {
      width: 210,
      height: 170,
      layer: [
        {
          mark: { type: 'area', opacity: 0.25, color: palette[0]! },
          encoding: {
            x,
            y: { field: 'low', type: 'quantitative', title: 'requests per backend' },
            y2: { field: 'high' },
          },
        },
        {
          mark: { type: 'line', point: true, color: palette[0]! },
          encoding: { x, y: { field: 'mean', type: 'quantitative' } },
        },
      ],
    },
  }
}

function deviationPlot({ spreads }: AnalysisResults): TopLevelSpec | undefined {
  if (!spreads) return undefined
  return {
    title: 'A-2: standard deviation of requests per backend, of the mean',
    width: 420,
    height: 240,
    data: { values: spreads.map((result) => ({ ...result, relative: result.standardDeviation / result.mean })) },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'backends', type: 'ordinal', title: 'backends', axis: { labelAngle: 0 } },
      y: { field: 'relative', type: 'quantitative', axis: { format: '.1%' }, title: 'of the mean' },
      color: { field: 'strategy', type: 'nominal', sort: null, title: null },
    },
  }
}

/** Small plots in the order in which the strategies were run: a facet's own order is that of the alphabet. */
function byStrategy(results: readonly { strategy: string }[]) {
  const sort = [...new Set(results.map(({ strategy }) => strategy))]
  return { field: 'strategy', type: 'nominal', sort, title: null } as const
}

function responsePlot({ responses }: AnalysisResults): TopLevelSpec | undefined {
  if (!responses) return undefined
  const values = responses.flatMap(({ strategy, scenario, latencyMs }) =>
    Object.entries(latencyMs).map(([percentile, ms]) => ({
      strategy,
      scenario: scenario === 'alike' ? 'three alike' : 'one of three ten times as slow',
      percentile,
      ms,
    })),
  )
  return {
    title: 'A-3: response times',
    data: { values },
    facet: {
      column: {
        field: 'scenario',
        type: 'nominal',
        sort: [...new Set(values.map(({ scenario }) => scenario))],
        title: null,
      },
    },
    spec: {
      width: { step: 22 },
      height: 260,
      // Points: a bar has no beginning on a scale of decades.
      mark: { type: 'point', filled: true, size: 90 },
      encoding: {
        x: { field: 'strategy', type: 'nominal', sort: null, title: null, axis: { labelAngle: -30 } },
        xOffset: { field: 'percentile' },
        y: { field: 'ms', type: 'quantitative', scale: { type: 'log' }, title: 'milliseconds' },
        color: { field: 'percentile', type: 'nominal' },
        shape: { field: 'percentile', type: 'nominal' },
      },
    },
  }
}

function crashPlot({ crashes }: AnalysisResults): TopLevelSpec | undefined {
  if (!crashes) return undefined
  const values = crashes.flatMap(({ strategy, timeline }) => timeline.map((point) => ({ strategy, ...point })))
  return {
    title: 'A-4: answers per tenth of a second; b2 is killed at 0',
    data: { values },
    facet: byStrategy(crashes),
    columns: 3,
    spec: {
      width: 240,
      height: 140,
      layer: [
        {
          mark: { type: 'area', interpolate: 'step-after' },
          encoding: {
            x: { field: 'atSeconds', type: 'quantitative', title: 'seconds since the kill' },
            y: { field: 'answers', type: 'quantitative', stack: 'zero', title: 'answers' },
            color: { field: 'backend', type: 'nominal' },
          },
        },
        { mark: { type: 'rule', strokeDash: [4, 3] }, encoding: { x: { datum: 0 } } },
      ],
    },
  }
}

function movesPlot({ moves }: AnalysisResults): TopLevelSpec | undefined {
  if (!moves) return undefined
  const values = moves.flatMap(({ backends, moved, needless }) => [
    { backends, what: 'moved', share: moved },
    { backends, what: 'moved needlessly', share: needless },
    { backends, what: '1/N', share: 1 / backends },
    { backends, what: '1.3/N, our limit', share: 1.3 / backends },
    { backends, what: 'hash modulo N', share: 1 - 1 / backends },
  ])
  return {
    title: 'A-5: keys that move when one of N backends leaves',
    width: 420,
    height: 260,
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'backends', type: 'ordinal', title: 'backends before', axis: { labelAngle: 0 } },
      y: { field: 'share', type: 'quantitative', axis: { format: '%' }, title: 'share of keys' },
      color: { field: 'what', type: 'nominal', sort: null, title: null, legend: { labelLimit: 300 } },
    },
  }
}

function boundsPlot({ bounds }: AnalysisResults): TopLevelSpec | undefined {
  if (!bounds) return undefined
  const values = bounds.flatMap(({ bound, requestsOverMean, inFlightOverMean }) => {
    const name = bound === 0 ? 'no bound' : `bound ${bound}`
    return [
      { name, what: 'requests', ratio: requestsOverMean },
      { name, what: 'under way, median', ratio: inFlightOverMean.p50 },
      { name, what: 'under way, p99', ratio: inFlightOverMean.p99 },
    ]
  })
  return {
    title: 'A-5: load of the busiest backend over the mean, popular keys',
    width: { step: 34 },
    height: 260,
    data: { values },
    mark: 'bar',
    encoding: {
      x: { field: 'name', type: 'nominal', sort: null, title: null, axis: { labelAngle: 0 } },
      xOffset: { field: 'what', sort: null },
      y: { field: 'ratio', type: 'quantitative', title: 'times the mean' },
      color: { field: 'what', type: 'nominal', sort: null, title: null },
    },
  }
}
