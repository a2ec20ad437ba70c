/** The table of rules and their tests in docs/simulation.md, read back: a test holds it against what there is. Pure. */

/** A rule of the design that closed a hole, and a test that fails without it. */
export interface Rule {
  readonly rule: string
  readonly file: string
  /** As it stands in the file, between its quotes. */
  readonly title: string
}

const heading = '## Each rule has a test'
const row = /^\| (?<rule>.+?) \| `(?<file>[^`]+)`: (?<title>.+) \|$/

/** @throws Error if a line of the table is not of that form */
export function rulesOf(document: string): Rule[] {
  const section = document.split(heading)[1]?.split(/^## /m)[0] ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('| ') && !/^\| (rule|---) \|/.test(line))
  return lines.map((line) => {
    const { rule, file, title } = row.exec(line)?.groups ?? {}
    if (rule === undefined || file === undefined || title === undefined) throw new Error(`no rule with a test: ${line}`)
    return { rule, file, title }
  })
}
