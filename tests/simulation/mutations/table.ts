/** The table of mutations in docs/simulation.md. Pure. */
import { type Invariant, invariantNames } from '../../invariants/finding.ts'
import type { Mutation } from './mutation.ts'

/** What a mutation came to. */
export interface Row {
  readonly mutation: Mutation
  /** The first seed that violated something; null if no world was asked, or none did. */
  readonly seed: number | null
  /** What noticed: an invariant, a replica's own check, or a test; null if nothing did. */
  readonly caughtBy: string | null
}

const begin = '<!-- mutations: written by `npm run simulate -- --mutations` -->'
const end = '<!-- mutations: end -->'

/** Which invariant a violation is of, in words. */
export function invariantOf(violation: string): string {
  const invariant = /^invariant (\d)/.exec(violation)?.[1]
  if (invariant) return `${invariant}: ${invariantNames[Number(invariant) as Invariant]}`
  if (/was told .* and then .* for one key/.test(violation)) return `2: ${invariantNames[2]}`
  const ended = / ended: (.*)/.exec(violation)?.[1]
  if (ended !== undefined)
    return `a backend stopped itself: ${ended
      .split(/[:;.] /)[0]!
      .replace(/\d+/g, 'N')
      .slice(0, 90)}`
  return violation.split('\n')[0]!.slice(0, 90)
}

/** The rows as a table in Markdown. */
export function tableOf(rows: readonly Row[]): string[] {
  return [
    '| rule | switched off | in | caught at seed | by |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(({ mutation: { rule, name, trial }, seed, caughtBy }) => {
      const where = trial.by === 'scenario' ? trial.name : trial.by === 'test' ? 'a test' : trial.by
      return `| ${rule} | ${name} | ${where} | ${seed ?? ''} | ${caughtBy ?? '**nothing**'} |`
    }),
  ]
}

/** The document with the table in its place. @throws Error if the document has no place for it */
export function withTable(document: string, rows: readonly Row[]): string {
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  if (from < 0 || to < from) throw new Error(`docs/simulation.md has no place for the table: ${begin} … ${end}`)
  return [document.slice(0, from + begin.length), '', ...tableOf(rows), '', document.slice(to)]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
}
