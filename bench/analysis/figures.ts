/** The tables of docs/analysis/README.md: the program writes what stands between their marks, people write the rest. Pure. */
import { noiseNote } from '../machine.ts'
import type { AnalysisResults } from './results.ts'

type Table = readonly (readonly (string | number)[])[]

/** Markdown by the name of its mark; only what there are results for. */
export function figuresOf(results: AnalysisResults): Map<string, string> {
  const figures = new Map<string, string>([['run', runText(results)]])
  const { shares, spreads, responses, crashes, moves, bounds } = results
  if (shares) figures.set('a-1', markdown(sharesTable(shares)))
  if (spreads) figures.set('a-2', markdown(spreadTable(spreads)))
  if (responses) figures.set('a-3', markdown(responseTable(responses)))
  if (crashes) figures.set('a-4', markdown(crashTable(crashes)))
  if (moves) figures.set('a-5-moves', markdown(movesTable(moves)))
  if (bounds) figures.set('a-5-bounds', markdown(boundsTable(bounds)))
  return figures
}

/** `text` with what is between `<!-- figures:NAME -->` and `<!-- /figures -->` replaced. Throws if a figure has no place. */
export function withFigures(text: string, figures: ReadonlyMap<string, string>): string {
  let result = text
  for (const [name, markdownText] of figures) {
    const [begin, end] = [`<!-- figures:${name} -->`, '<!-- /figures -->']
    const from = result.indexOf(begin)
    const to = result.indexOf(end, from)
    if (from < 0 || to < 0)
      throw new RangeError(`the README has no place for the figures of ${name}: ${begin} … ${end}`)
    result = `${result.slice(0, from + begin.length)}\n${markdownText}\n${result.slice(to)}`
  }
  return result
}

function runText({ command, madeAt, machine, options }: AnalysisResults): string {
  const { cpu, cores, memoryGiB, kernel, node } = machine
  const noise = noiseNote(machine)
  return [
    `Made by \`${command}\` on ${madeAt.slice(0, 10)}: ${cores} x ${cpu}, ${memoryGiB} GiB, ${kernel}, Node ${node}.`,
    `Each run: ${options.requests} requests at ${options.rate} per second on at most ${options.clients} connections, seed ${options.seed}; A-3 is the median of ${options.rounds} runs.`,
    ...(noise ? [`${noise}.`] : []),
  ].join('\n')
}

function sharesTable(shares: NonNullable<AnalysisResults['shares']>): Table {
  const names = Object.keys(shares[0]?.counts ?? {})
  return [
    ['strategy', 'weights', ...names.flatMap((name) => [name, 'share'])],
    ...shares.map(({ strategy, weights, counts }) => {
      const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
      const cells = names.flatMap((name) => [counts[name]!, percent(counts[name]! / all)])
      return [strategy, Object.values(weights).join(':'), ...cells]
    }),
  ]
}

function spreadTable(spreads: NonNullable<AnalysisResults['spreads']>): Table {
  const sizes = [...new Set(spreads.map(({ backends }) => backends))]
  return [
    ['strategy', ...sizes.map((size) => `N = ${size}`)],
    ...[...Map.groupBy(spreads, ({ strategy }) => strategy)].map(([strategy, results]) => [
      strategy,
      ...results.map(({ mean, standardDeviation }) => `${mean.toFixed(0)} ± ${standardDeviation.toFixed(1)}`),
    ]),
  ]
}

function responseTable(responses: NonNullable<AnalysisResults['responses']>): Table {
  return [
    ['strategy', 'backends', 'p50, ms', 'p90, ms', 'p99, ms', 'share of b3'],
    ...responses.map(({ strategy, scenario, latencyMs: { p50, p90, p99 }, slowShare }) => [
      strategy,
      scenario === 'alike' ? 'alike' : 'b3 slow',
      ...[p50, p90, p99].map((value) => value.toFixed(1)),
      percent(slowShare),
    ]),
  ]
}

function crashTable(crashes: NonNullable<AnalysisResults['crashes']>): Table {
  const list = (shares: Record<string, number>) => Object.values(shares).map(percent).join(' / ')
  return [
    [
      'strategy',
      'errors',
      'moved, ms',
      'sent again',
      'longest pause, ms',
      'p99 before, ms',
      'p99 after, ms',
      'shares before',
      'shares after',
    ],
    ...crashes.map((crash) => [
      crash.strategy,
      Object.entries(crash.errors)
        .map(([code, count]) => `${code}: ${count}`)
        .join(', ') || 0,
      crash.movedMs.toFixed(1),
      crash.sentAgain,
      crash.pauseMs.toFixed(1),
      crash.p99BeforeMs.toFixed(1),
      crash.p99AfterMs.toFixed(1),
      list(crash.sharesBefore),
      list(crash.sharesAfter),
    ]),
  ]
}

function movesTable(moves: NonNullable<AnalysisResults['moves']>): Table {
  return [
    ['backends', 'keys', 'moved', '1/N', 'moved, times 1/N', 'moved needlessly'],
    ...moves.map(({ backends, keys, moved, needless }) => [
      `${backends} to ${backends - 1}`,
      keys,
      percent(moved),
      percent(1 / backends),
      (moved * backends).toFixed(2),
      percent(needless),
    ]),
  ]
}

function boundsTable(bounds: NonNullable<AnalysisResults['bounds']>): Table {
  return [
    ['bound', 'requests of the busiest, times the mean', 'under way at the busiest, times the mean: median', 'p99'],
    ...bounds.map(({ bound, requestsOverMean, inFlightOverMean }) => [
      bound === 0 ? 'none' : bound,
      requestsOverMean.toFixed(2),
      inFlightOverMean.p50.toFixed(2),
      inFlightOverMean.p99.toFixed(2),
    ]),
  ]
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function markdown([head, ...rows]: Table): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return ['', line(head!), line(head!.map(() => '---')), ...rows.map(line), ''].join('\n')
}
