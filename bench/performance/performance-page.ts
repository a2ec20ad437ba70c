/** docs/performance.md, made of stored reports and of what bench/README.md says about each benchmark. Pure. */
import { digits, type Report, type Row } from '../report.ts'

/** A report as `npm run bench -- NAME --raw FILE` writes it; older ones do not say when and how they were made. */
export interface StoredReport extends Report {
  readonly notes: readonly string[]
  /** As it was typed. */
  readonly command?: string
  /** ISO 8601. */
  readonly madeAt?: string
  /** Of the code that was measured, shortened. */
  readonly commit?: string
}

export interface PerformanceSources {
  /** By the name of the file, without `.json`. */
  readonly reports: ReadonlyMap<string, StoredReport>
  /** bench/README.md. */
  readonly readme: string
  /** bench/results/measured-before.md: a table, and what belongs to it. */
  readonly before: string
}

/** The page. Benchmarks come in the order of bench/README.md; what has no report yet is not on it. */
export function performancePage({ reports, readme, before }: PerformanceSources): string {
  const sections = sectionsOf(readme)
  const names = [...reports.keys()].sort()
  const told = new Set<string>()
  const parts = [...sections].flatMap(([bench, prose]) => {
    const own = names.filter((name) => reports.get(name)!.bench === bench)
    if (own.length === 0) return []
    for (const name of own) told.add(name)
    return [`## ${bench}`, prose, ...own.map((name) => reportPart(headingOf(name, own, reports), reports.get(name)!))]
  })
  const silent = names.filter((name) => !told.has(name))
  if (silent.length > 0)
    throw new RangeError(
      `bench/README.md has no section on ${silent.map((name) => reports.get(name)!.bench).join(', ')}`,
    )
  return `${[opening, method(sections), ...parts, `## Measured before\n\n${before.trim()}`].join('\n\n')}\n`
}

const opening = `# Performance

<!-- Written by \`npm run performance\` from bench/results and bench/README.md: change those. -->

Every table under *Measured* is a stored report of a benchmark that anybody can run: \`npm run bench -- NAME\`; of those in *Measured before*, at the end,
no reports were kept. Absolute figures belong to the machine that is named with them; ratios travel better. A report that says it was made on a machine
that was not quiet is no figure to quote.`

function method(sections: ReadonlyMap<string, string>): string {
  const text = sections.get('How it is measured')
  if (text === undefined) throw new RangeError('bench/README.md has no section on how it is measured')
  return `## How it is measured\n\n${text}`
}

/** The first report of a benchmark, the same command once more, or another one, which the name of its file tells apart. */
function headingOf(name: string, own: readonly string[], reports: PerformanceSources['reports']): string {
  const { bench, command } = reports.get(name)!
  const earlier = own.slice(0, own.indexOf(name))
  if (earlier.length === 0) return 'Measured'
  if (earlier.some((other) => reports.get(other)!.command === command)) return 'Measured again'
  return `Measured: ${name.replace(`${bench}-`, '').replaceAll('-', ' ')}`
}

function reportPart(heading: string, report: StoredReport): string {
  const { cpu, cores, memoryGiB, kernel, node } = report.machine
  const made = [
    report.command && `\`${report.command}\``,
    report.madeAt?.slice(0, 10),
    report.commit && `commit ${report.commit}`,
    `${report.rounds} round${report.rounds === 1 ? '' : 's'}`,
    `${cores} x ${cpu}, ${memoryGiB} GiB, ${kernel}, Node ${node}`,
  ]
  const ratios = Object.entries(report.ratios)
  return [
    `### ${heading}`,
    `${made.filter(Boolean).join('; ')}.`,
    table([['', 'unit', 'median', 'min', 'max'], ...report.rows.map(rowCells)], 2),
    ...(ratios.length === 0
      ? []
      : [
          'Ratios, ours over theirs for rates and theirs over ours for times: higher is better, 1 is equal.',
          table([['beside', 'ratio'], ...ratios.map(([key, value]) => [`\`${key}\``, value.toFixed(2)])], 1),
        ]),
    ...(report.notes.length === 0 ? [] : [report.notes.map((note) => `- ${cell(note)}`).join('\n')]),
  ].join('\n\n')
}

function rowCells({ name, unit, median, min, max }: Row): string[] {
  return [name, unit, ...[median, min, max].map(digits)]
}

/** @param textColumns how many columns from the left hold text, and no numbers */
function table([header, ...rows]: string[][], textColumns: number): string {
  const rule = header!.map((_, column) => (column < textColumns ? '---' : '---:'))
  return [header!, rule, ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')
}

/** The text below each heading of the second level, by its name without backticks, with links that are right in docs/. */
export function sectionsOf(readme: string): Map<string, string> {
  const parts = readme.split(/^## /m).slice(1)
  return new Map(
    parts.map((part) => {
      const [heading = '', ...lines] = part.split('\n')
      return [heading.replaceAll('`', '').trim(), linksFromDocs(lines.join('\n').trim())]
    }),
  )
}

/** A relative link of bench/README.md as it reads in docs/. */
function linksFromDocs(text: string): string {
  return text.replaceAll(/\]\((?![a-z]+:|#)([^)]+)\)/g, (_, target: string) => {
    if (target.startsWith('../docs/')) return `](${target.slice('../docs/'.length)})`
    return `](${target.startsWith('../') ? target : `../bench/${target}`})`
  })
}
