/** Command-line flags and environment, made from a zod object: one table for parsing, defaults and `--help`. Pure. */
import { parseArgs } from 'node:util'
import type { z } from 'zod'
import { choicesOf, describeDefault, isBoolean, readText, type Schema, valueName } from './schema-shape.ts'

/** One option as people write it. */
export interface Flag {
  /** Key in the zod object, such as `holdTimeMs`. */
  key: string
  /** Without dashes, such as `hold-time`. */
  name: string
  /** Such as `HEARTLINE_HOLD_TIME`. */
  variable: string
  boolean: boolean
  description: string
  schema: Schema
}

export type FlagsResult<Values> =
  | { kind: 'values'; values: Values }
  | { kind: 'problems'; problems: string[] }
  | { kind: 'help' }

/** The flags of a zod object, in its order. `meta.flag` is the name where it is not the key in kebab-case. */
export function flagsOf(options: z.ZodObject): Flag[] {
  const flags = Object.entries(options.shape).filter(([, schema]) => metaOf(schema).rest === undefined)
  return flags.map(([key, schema]) => {
    const meta = metaOf(schema)
    const name = meta.flag ?? kebabCase(key)
    return {
      key,
      name,
      variable: `HEARTLINE_${name.toUpperCase().replaceAll('-', '_')}`,
      boolean: isBoolean(schema as Schema),
      description: meta.description ?? '',
      schema: schema as Schema,
    }
  })
}

/** What follows `--`: the option whose `meta.rest` names it, such as `COMMAND ARGS`; a list of words as they are. */
function restOf(options: z.ZodObject): { key: string; rest: string; description: string } | undefined {
  for (const [key, schema] of Object.entries(options.shape)) {
    const { rest, description = '' } = metaOf(schema)
    if (rest !== undefined) return { key, rest, description }
  }
  return undefined
}

interface Meta {
  flag?: string
  rest?: string
  description?: string
}

function metaOf(schema: unknown): Meta {
  return ((schema as z.ZodType).meta() ?? {}) as Meta
}

/** Flag beats environment beats default. Every problem is reported, each in one line that says what would be right. */
export function readFlags<Options extends z.ZodObject>(
  options: Options,
  argv: string[],
  environment: Record<string, string | undefined>,
): FlagsResult<z.output<Options>> {
  const flags = flagsOf(options)
  const rest = restOf(options)
  const end = rest ? argv.indexOf('--') : -1
  const { texts, problems, help } = readArguments(flags, end < 0 ? argv : argv.slice(0, end))
  if (help) return { kind: 'help' }

  const input: Record<string, unknown> = {}
  if (rest && end >= 0) input[rest.key] = argv.slice(end + 1)
  const sources = new Map<string, { label: string; text: string }>()
  for (const flag of flags) {
    const given = texts.get(flag.name)
    // Set to nothing is as good as not set: it is how a shell takes a variable back.
    const text = given ?? (environment[flag.variable] || undefined)
    if (text === undefined) continue
    input[flag.key] = readText(flag.schema, text)
    sources.set(flag.key, { label: given === undefined ? flag.variable : `--${flag.name}`, text })
  }

  const parsed = options.safeParse(input)
  for (const issue of parsed.error?.issues ?? []) problems.push(describeIssue(issue, flags, sources))
  if (problems.length > 0 || !parsed.success) return { kind: 'problems', problems }
  return { kind: 'values', values: parsed.data as z.output<Options> }
}

/** What follows the command's name in a usage line. */
export function describeUsage(options: z.ZodObject): string {
  const rest = restOf(options)
  return rest ? `[options] [-- ${rest.rest}]` : '[options]'
}

/** The part of `--help` that lists the options, with defaults and environment variables. */
export function describeFlags(options: z.ZodObject): string {
  const rows = flagsOf(options).map((flag) => {
    const value = flag.boolean ? '' : ` ${valueName(flag)}`
    const name = flag.boolean && describeDefault(flag) === 'true' ? `--no-${flag.name}` : `--${flag.name}`
    return { left: `  ${name}${value}`, flag }
  })
  const rest = restOf(options)
  const width = Math.max(10, ...rows.map((row) => row.left.length)) + 2
  const lines = rows.map(({ left, flag }) => {
    const fallback = describeDefault(flag)
    const description = [flag.description, ...choicesOf(flag)].filter(Boolean).join(': ')
    const notes = [...(fallback === undefined ? [] : [`default ${fallback}`]), flag.variable].join('; ')
    return `${left.padEnd(width)}${description}${description ? ' ' : ''}[${notes}]`
  })
  if (rest) lines.push(`${`  -- ${rest.rest}`.padEnd(width)}${rest.description}`)
  return [...lines, `${'  -h, --help'.padEnd(width)}shows this`].join('\n')
}

/** The nearest of `known` to a mistyped word, if it is near. */
export function nearest(word: string, known: string[]): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3))
  const ranked = known.map((name) => ({ name, distance: name.startsWith(word) ? 0.5 : editDistance(word, name) }))
  return ranked.filter(({ distance }) => distance <= limit).sort((a, b) => a.distance - b.distance)[0]?.name
}

function readArguments(flags: Flag[], argv: string[]) {
  const byName = new Map(flags.map((flag) => [flag.name, flag]))
  const declared = Object.fromEntries(
    flags.map(({ name, boolean }) => [name, { type: boolean ? 'boolean' : 'string' } as const]),
  )
  const help = { type: 'boolean', short: 'h' } as const
  const { tokens } = parseArgs({
    args: argv,
    options: { ...declared, help },
    strict: false,
    tokens: true,
    allowNegative: true,
  })

  const texts = new Map<string, string>()
  const problems: string[] = []
  for (const [index, token] of tokens.entries()) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      if (!followsUnknown(tokens[index - 1], byName))
        problems.push(`unexpected "${token.value}"; every option begins with --`)
      continue
    }
    if (token.name === 'help') return { texts, problems: [], help: true }
    const problem = readOption(token, byName.get(token.name), texts)
    if (problem) problems.push(problem === 'unknown' ? unknownFlag(token.rawName, byName) : problem)
  }
  return { texts, problems, help: false }
}

interface OptionToken {
  rawName: string
  value: string | undefined
  inlineValue: boolean | undefined
}

/** Adds one option to `texts`, or says what is wrong with it. */
function readOption(
  token: OptionToken,
  flag: Flag | undefined,
  texts: Map<string, string>,
): 'unknown' | string | undefined {
  const negated = flag?.boolean === true && token.rawName === `--no-${flag.name}`
  if (!flag || (token.rawName !== `--${flag.name}` && !negated)) return 'unknown'
  if (negated && token.value !== undefined) return `${token.rawName} takes no value`
  const text = flag.boolean ? (token.value ?? String(!negated)) : token.value
  const swallowed = !token.inlineValue && text?.startsWith('--')
  if (!text || swallowed) return `--${flag.name} needs a value: --${flag.name} ${valueName(flag)}`
  if (texts.has(flag.name)) return `--${flag.name} is given twice; give it once`
  texts.set(flag.name, text)
  return undefined
}

function unknownFlag(rawName: string, known: Map<string, Flag>): string {
  const near = nearest(rawName.replace(/^-+/, ''), [...known.keys()])
  return `unknown flag ${rawName}${near ? `; did you mean --${near}?` : '; --help lists them all'}`
}

/** The value of a mistyped flag is no second mistake. */
function followsUnknown(before: { kind: string; name?: string } | undefined, known: Map<string, Flag>): boolean {
  return before?.kind === 'option' && !known.has(before.name ?? '')
}

type Issue = z.core.$ZodIssue

function describeIssue(issue: Issue, flags: Flag[], sources: Map<string, { label: string; text: string }>): string {
  const flag = flags.find(({ key }) => key === issue.path[0])
  if (!flag) return plainMessage(issue)
  const source = sources.get(flag.key)
  if (!source && issue.code === 'invalid_type') return `--${flag.name} is required: ${flag.description}`
  // A secret in an error is a secret in a log.
  const got = !source || /token|secret|password/i.test(flag.key) ? '' : `, got "${source.text}"`
  return `${source?.label ?? `--${flag.name}`}: ${plainMessage(issue)}${got}`
}

/** zod's message without its heading; of a union's branches, the one that says most. */
function plainMessage(issue: Issue): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const nested = issue.errors.flat()
    const telling =
      nested.find(({ code }) => code === 'custom') ?? nested.find(({ code }) => code !== 'invalid_type') ?? nested[0]
    return plainMessage(telling as Issue)
  }
  if (issue.code === 'invalid_value' && issue.values.length > 1) {
    const values = issue.values.includes('true') ? ['true', 'false'] : issue.values
    return `expected ${values.join(' or ')}`
  }
  if (issue.code === 'invalid_type') return `expected a ${issue.expected}`
  return issue.message
    .replace(/^(Invalid input|Invalid option|Invalid string|Too small|Too big): /, '')
    .replace(/^Invalid (\w+)$/, 'expected a $1')
}

function kebabCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Levenshtein's distance: insertions, deletions and substitutions. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)))
    row = next
  }
  return row[right.length]!
}
