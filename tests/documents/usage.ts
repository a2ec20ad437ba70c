/** What is wrong with a command that a document names: scripts, files, flags and values that are not there. Nothing is run. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import splitWords from 'string-argv'
import type { z } from 'zod'
import { analysisOptions } from '../../bench/analysis/config.ts'
import { benchmarks } from '../../bench/benchmarks.ts'
import { commands } from '../../compose/commands.ts'
import { flagsOf, readFlags } from '../../compose/flags.ts'
import { faultsOptions } from '../faults/config.ts'
import { newUserOptions } from '../new-user/config.ts'
import { simulationOptions } from '../simulation/config.ts'
import { soakOptions } from '../soak/config.ts'

const root = join(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }

/** Programs of the repository that read their flags with a zod object, by the file that is run. */
const programs: Readonly<Record<string, z.ZodObject>> = {
  'bench/analysis/main.ts': analysisOptions,
  'tests/faults/main.ts': faultsOptions,
  'tests/new-user/main.ts': newUserOptions,
  'tests/simulation/main.ts': simulationOptions,
  'tests/soak/main.ts': soakOptions,
}

/** A placeholder, such as `NAME`, or what is left out. */
const isPlaceholder = (word: string) => /^[A-Z]+$/.test(word) || word === '…'

export interface Strictness {
  /** False where a sentence names flags without real values, such as `--seeds N`. */
  readonly values: boolean
}

/** Each mistake in one line; none if all that the command names is there. Commands of other programs are not looked at. */
export async function mistakesIn(text: string, strictness: Strictness): Promise<string[]> {
  const found = await Promise.all(simpleCommands(text).map((words) => mistakesOf(words, strictness)))
  return found.flat()
}

/** The words of each command of a line: what stands between `|`, `&&`, `;` and `&`, without variables, redirections and `exec`. */
function simpleCommands(text: string): string[][] {
  const all: string[][] = [[]]
  for (const word of splitWords(text.split('\n')[0]!)) {
    if (/^(\|\|?|&&?|;)$/.test(word)) all.push([])
    else all.at(-1)!.push(word)
  }
  return all.map((words) => {
    const redirection = words.findIndex((word) => /^\d?[<>]/.test(word))
    const kept = redirection < 0 ? words : words.slice(0, redirection)
    const first = kept.findIndex((word) => !/^\w+=/.test(word) && word !== 'exec')
    return first < 0 ? [] : kept.slice(first)
  })
}

async function mistakesOf([program, ...words]: string[], strictness: Strictness): Promise<string[]> {
  if (program === 'heartline') return ofHeartline(words, strictness)
  if (program === 'npx' && words[0] === 'heartline') return ofHeartline(words.slice(1), strictness)
  if (program === 'node') return ofNode(words, strictness)
  if (program === 'npm' && (words[0] === 'run' || words[0] === 'test')) return ofNpm(words, strictness)
  if (program === 'docker' || program === 'kubectl') return ofFiles(words)
  return []
}

async function ofNpm(words: readonly string[], strictness: Strictness): Promise<string[]> {
  const end = words.indexOf('--')
  const own = (end < 0 ? words : words.slice(0, end)).filter((word) => !word.startsWith('-') && word !== 'run')
  const [name] = own
  if (name === undefined || isPlaceholder(name)) return []
  const script = manifest.scripts[name]
  if (script === undefined) return [`package.json has no script ${name}`]
  // npm keeps what it can read as an option of its own: such a flag would never reach the script.
  const swallowed = own.slice(1).map((word) => `${word} is not handed on: it belongs behind --`)
  const given = end < 0 ? [] : words.slice(end + 1)
  const last = simpleCommands(script).at(-1) ?? []
  return [...swallowed, ...(await mistakesOf([...last, ...given], strictness))]
}

async function ofNode(words: readonly string[], strictness: Strictness): Promise<string[]> {
  const at = words.findIndex((word) => /\.[cm]?[jt]s$/.test(word))
  const path = words[at]
  if (path === undefined || path.startsWith('/') || isPlaceholder(path)) return []
  const given = words.slice(at + 1)
  if (path === 'compose/main.ts') return ofHeartline(given, strictness)
  if (path === 'bench/main.ts') return ofBench(given, strictness)
  // A reader's own file, such as server.js, has no folder.
  if (path.includes('/') && !/[{*]/.test(path) && !existsSync(join(root, path))) return [`there is no ${path}`]
  const options = programs[path]
  return options === undefined ? [] : ofFlags(options, given, strictness)
}

async function ofHeartline([name, ...given]: readonly string[], strictness: Strictness): Promise<string[]> {
  if (name === undefined || name.startsWith('-') || isPlaceholder(name)) return []
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!entry) return [`heartline has no command ${name}`]
  return ofFlags((await entry.load()).options, given, strictness)
}

async function ofBench([name, ...given]: readonly string[], strictness: Strictness): Promise<string[]> {
  if (name === undefined || name.startsWith('-') || isPlaceholder(name)) return []
  const entry = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined
  return entry ? ofFlags((await entry.load()).options, given, strictness) : [`there is no benchmark ${name}`]
}

function ofFlags(options: z.ZodObject, given: readonly string[], { values }: Strictness): string[] {
  const words = given.filter((word) => word !== '…' && word !== '...')
  if (values) {
    const read = readFlags(options, words, {})
    return read.kind === 'problems' ? read.problems : []
  }
  const known = new Set(flagsOf(options).flatMap(({ name }) => [`--${name}`, `--no-${name}`]))
  const end = words.indexOf('--')
  const flags = (end < 0 ? words : words.slice(0, end)).filter((word) => /^--[a-z]/.test(word))
  return flags
    .map((word) => word.split('=')[0]!)
    .filter((word) => word !== '--help' && !known.has(word))
    .map((word) => `there is no flag ${word}`)
}

/** Files that are handed to a program which cannot be run here. */
function ofFiles(words: readonly string[]): string[] {
  const files = words.filter((_word, index) => ['-f', '--file', '-k'].includes(words[index - 1] ?? ''))
  return files.filter((path) => !existsSync(join(root, path))).map((path) => `there is no ${path}`)
}
