/** The pages of docs/reference: one for each exported symbol, and a list of all. Pure. */
import type { ApiItem, EntryPoint } from './api-model.ts'
import { readDocComment } from './doc-comment.ts'

/** Kinds of symbols in the order in which the list has them. */
const kinds: readonly (readonly [kind: string, heading: string])[] = [
  ['Function', 'Functions'],
  ['Class', 'Classes'],
  ['Interface', 'Interfaces'],
  ['TypeAlias', 'Types'],
  ['Variable', 'Values'],
]
const tagNames: Readonly<Record<string, string>> = { returns: 'Returns', throws: 'Throws', see: 'See' }

/** Text of each page by its path within docs/reference. A symbol that several entry points export has its page at the first. */
export function referencePages(entryPoints: readonly EntryPoint[]): Map<string, string> {
  const places = placesOf(entryPoints)
  const pages = new Map<string, string>([['README.md', overview(entryPoints, places)]])
  for (const { module, folder, symbols } of entryPoints)
    for (const symbol of symbols) {
      const path = places.get(symbol.name!)!
      if (path.startsWith(`${folder}/`))
        pages.set(path, symbolPage(symbol, { modules: modulesOf(symbol, entryPoints), module, path, places }))
    }
  return pages
}

/** Not every file system tells `Router.md` from `router.md`: the one that is no type says what it is. */
function placesOf(entryPoints: readonly EntryPoint[]): Map<string, string> {
  const places = new Map<string, string>()
  for (const { folder, symbols } of entryPoints)
    for (const { name, kind } of symbols) {
      if (name === undefined || places.has(name)) continue
      const isType = /^[A-Z]/.test(name)
      const hasTwin = symbols.some((other) => other.name !== name && other.name?.toLowerCase() === name.toLowerCase())
      places.set(name, `${folder}/${name}${hasTwin && !isType ? `-${kind.toLowerCase()}` : ''}.md`)
    }
  return places
}

interface PageContext {
  readonly module: string
  /** All that export it. */
  readonly modules: readonly string[]
  readonly path: string
  readonly places: ReadonlyMap<string, string>
}

function modulesOf({ name }: ApiItem, entryPoints: readonly EntryPoint[]): string[] {
  return entryPoints.filter(({ symbols }) => symbols.some((symbol) => symbol.name === name)).map(({ module }) => module)
}

function overview(entryPoints: readonly EntryPoint[], places: ReadonlyMap<string, string>): string {
  const parts = entryPoints.map(({ module, symbols }) => {
    const lists = kinds.flatMap(([kind, heading]) => {
      const found = symbols.filter((symbol) => symbol.kind === kind)
      if (found.length === 0) return []
      const rows = found.map((symbol) => {
        const link = (name: string) => places.get(name)
        const { text } = readDocComment(symbol.docComment ?? '', link)
        return `| [\`${symbol.name}\`](${places.get(symbol.name!)}) | ${inCell(firstSentence(text))} |`
      })
      return [`### ${heading}`, ['| | |', '| --- | --- |', ...rows].join('\n')]
    })
    return [`## \`${module}\``, ...lists].join('\n\n')
  })
  return `${[opening, ...parts].join('\n\n')}\n`
}

const opening = `# Reference

<!-- Written by \`npm run reference\` from the docstrings: change those. -->

Every symbol that the package exports, made from the docstrings. [For authors of services](../api.md) tells what to begin with.`

function symbolPage(symbol: ApiItem, context: PageContext): string {
  const imported = context.modules.map((module) => `\`${module}\``).join(' and ')
  const members = (symbol.members ?? []).filter(({ kind }) => kind !== 'Constructor' || symbol.kind !== 'Class')
  return `${[
    `# ${symbol.name}`,
    `<!-- Written by \`npm run reference\` from the docstrings: change those. -->`,
    `${kindName(symbol.kind)} of ${imported} ([all](../README.md))`,
    ...described(symbol, context),
    ...members.flatMap((member) => [`## ${memberName(member)}`, ...described(member, context)]),
    ...references(symbol, context),
  ].join('\n\n')}\n`
}

function described(item: ApiItem, context: PageContext): string[] {
  const { text, blocks } = readDocComment(item.docComment ?? '', (name) => linkFrom(context, name))
  return [
    ...(text === '' ? [] : [text]),
    `\`\`\`ts\n${declarationOf(item)}\n\`\`\``,
    ...(blocks.length === 0 ? [] : [blocks.map(blockLine).join('\n')]),
  ]
}

function blockLine({ tag, text }: { tag: string; text: string }): string {
  if (tag !== 'param') return `- **${tagNames[tag] ?? tag}**: ${indented(text)}`
  const [, name = '', rest = ''] = /^(\S+)\s*-?\s*([\s\S]*)$/.exec(text) ?? []
  return `- \`${name}\`: ${indented(rest)}`
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n  ')
}

/** Without `export declare`, which says nothing here; the body of a class or an interface is told by its members. */
function declarationOf({ excerptTokens = [] }: ApiItem): string {
  return excerptTokens
    .map(({ text }) => text)
    .join('')
    .replace(/^export declare /, '')
    .replace(/^export /, '')
    .trim()
}

function memberName({ kind, name }: ApiItem): string {
  if (kind === 'CallSignature') return 'Call'
  if (kind === 'IndexSignature') return 'Any other name'
  return /^Method/.test(kind) ? `${name}()` : (name ?? kind)
}

function kindName(kind: string): string {
  return kind === 'TypeAlias' ? 'Type' : kind === 'Variable' ? 'Value' : kind
}

/** Symbols with a page of their own that the declaration or its members name. */
function references(symbol: ApiItem, context: PageContext): string[] {
  const tokens = [symbol, ...(symbol.members ?? [])].flatMap(({ excerptTokens = [] }) => excerptTokens)
  const names = tokens
    .filter(({ kind, canonicalReference = '' }) => kind === 'Reference' && canonicalReference.startsWith('heartline!'))
    .map(({ text }) => text)
    .filter((name) => name !== symbol.name && context.places.has(name))
  const unique = [...new Set(names)].sort()
  if (unique.length === 0) return []
  return [`Names ${unique.map((name) => `[\`${name}\`](${linkFrom(context, name)})`).join(', ')}.`]
}

/** From one page to another, both within docs/reference. */
function linkFrom({ path, places }: PageContext, name: string): string | undefined {
  const target = places.get(name)
  if (target === undefined) return undefined
  const [folder = ''] = path.split('/')
  return target.startsWith(`${folder}/`) ? target.slice(folder.length + 1) : `../${target}`
}

function firstSentence(text: string): string {
  const [paragraph = ''] = text.split('\n\n')
  const line = paragraph.replaceAll('\n', ' ')
  return /^.*?\.(?=\s|$)/.exec(line)?.[0] ?? line
}

function inCell(text: string): string {
  return text.replaceAll('|', '\\|')
}
