/** What service authors import: every symbol and every member of it says what it is, and nothing is exported that the list does not have. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { checkpointErrors } from '../checkpoint/errors.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(path, 'utf8')

interface Exported {
  readonly name: string
  /** The file that declares it. */
  readonly path: string
}

/** The names that an index exports, followed to the files that declare them. */
function exportsOf(index: string): Exported[] {
  const text = read(index)
  const own = [...text.matchAll(/^export (?:async )?(?:function|class|const|interface|type) (\w+)/gm)]
  const others = [...text.matchAll(/^export (?:type )?\{([^}]+)\} from '([^']+)'/gm)]
  return [
    ...own.map(([, name]) => ({ name: name!, path: index })),
    ...others.flatMap(([, names, from]) => {
      const path = join(dirname(index), from!)
      const listed = names!.split(',').map((name) => name.trim().replace(/^type /, ''))
      const found = listed.filter(Boolean).map((name) => ({ name, path: declaringFile(name, path) }))
      return path.endsWith('index.ts') ? exportsOf(path).filter(({ name }) => listed.includes(name)) : found
    }),
  ]
}

/** A file may hand on what another declares. */
function declaringFile(name: string, path: string): string {
  const from = new RegExp(`^export (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from '([^']+)'`, 'm').exec(read(path))?.[1]
  return from === undefined ? path : declaringFile(name, join(dirname(path), from))
}

/** The declaration of a name: its own line, and the lines of its body. */
function declaration({ name, path }: Exported): { lines: string[]; at: number; end: number } {
  const lines = read(path).split('\n')
  const pattern = new RegExp(`^export (?:async )?(?:abstract )?(?:function|class|const|interface|type) ${name}\\b`)
  const at = lines.findIndex((line) => pattern.test(line))
  assert.notEqual(at, -1, `${name} is declared in ${relative(root, path)}`)
  const end = lines.findIndex((line, index) => index > at && /^[})]/.test(line))
  return { lines, at, end: end === -1 ? at : end }
}

function isDocumented(lines: readonly string[], at: number): boolean {
  return /\*\/\s*$/.test(lines[at - 1] ?? '')
}

/** Members that say nothing of themselves, of an interface or a class; private ones need not. */
function silentMembers(exported: Exported): string[] {
  const { lines, at, end } = declaration(exported)
  if (!/^export (?:abstract )?(?:class|interface)/.test(lines[at]!)) return []
  const silent: string[] = []
  for (let index = at + 1; index < end; index++) {
    const [, member] = /^ {2}(?:readonly |get |static |override |async |\*)*(\w+)[?(<:]/.exec(lines[index]!) ?? []
    if (member === undefined || member === 'constructor' || isDocumented(lines, index)) continue
    if (/^ {2}(?:\/\/|\*)/.test(lines[index - 1]!) && isDocumented(lines, index - 1)) continue
    silent.push(`${exported.name}.${member}`)
  }
  return silent
}

const indexes = { checkpoint: join(root, 'checkpoint/index.ts'), backend: join(root, 'backend/index.ts') }

test('every exported symbol, and each of its members, has a docstring', () => {
  const silent = Object.values(indexes).flatMap((index) =>
    exportsOf(index).flatMap((exported) => {
      const { lines, at } = declaration(exported)
      return [...(isDocumented(lines, at) ? [] : [exported.name]), ...silentMembers(exported)]
    }),
  )
  assert.deepEqual([...new Set(silent)], [])
})

test('what the reference lists is what is exported', () => {
  const reference = read(join(root, 'docs/api.md'))
  for (const [name, index] of Object.entries(indexes)) {
    const section = new RegExp(`## \`heartline/${name}\`\\n([\\s\\S]*?)(?=\\n## |$)`).exec(reference)?.[1] ?? ''
    const missing = exportsOf(index).filter((exported) => !new RegExp(`\\b${exported.name}\\b`).test(section))
    assert.deepEqual(
      missing.map((exported) => exported.name),
      [],
      `in the section of heartline/${name}`,
    )
  }
})

test('every exported symbol has a page of the generated reference, which the list links to', () => {
  const list = read(join(root, 'docs/reference/README.md'))
  for (const [name, index] of Object.entries(indexes)) {
    const section = list.split(/^## /m).find((part) => part.startsWith(`\`heartline/${name}\``)) ?? ''
    const links = new Map(
      [...section.matchAll(/^\| \[`(\w+)`\]\(([^)]+)\)/gm)].map(([, symbol, path]) => [symbol!, path!]),
    )
    assert.deepEqual(
      [...links.keys()].sort(),
      exportsOf(index)
        .map((exported) => exported.name)
        .sort(),
    )
    for (const [symbol, path] of links)
      assert.match(
        read(join(root, 'docs/reference', path)),
        new RegExp(`^# ${symbol}\n[\\s\\S]*\`heartline/${name}\``),
        path,
      )
  }
})

test('the reference tells every code, with its status and what it says of the outcome', () => {
  const rows = [...read(join(root, 'docs/api.md')).matchAll(/^\| ([A-Z_, ]+) \| ([\d, ]+) \| ([a-z ]+) \|/gm)]
  const told = rows.flatMap(([, codes, statuses, outcome]) => {
    const each = statuses!.split(', ')
    return codes!.split(', ').map((code, index) => [code, Number(each[index] ?? each[0]), outcome] as const)
  })
  const table = Object.entries(checkpointErrors).map(([code, { status, outcome }]) => [code, status, outcome] as const)
  assert.deepEqual(told.sort(byCode), table.sort(byCode))
})

function byCode([left]: readonly [string, ...unknown[]], [right]: readonly [string, ...unknown[]]): number {
  return left < right ? -1 : 1
}
