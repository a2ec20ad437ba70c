import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiItem, EntryPoint } from './api-model.ts'
import { readDocComment } from './doc-comment.ts'
import { referencePages } from './reference-pages.ts'

const content = (text: string) => ({ kind: 'Content', text }) as const
const item = (
  kind: string,
  name: string,
  docComment: string,
  declaration: string,
  members: ApiItem[] = [],
): ApiItem => ({
  ...{ kind, name, docComment, members },
  canonicalReference: `heartline!${name}`,
  excerptTokens: [content(declaration)],
})
const interfaceItem: ApiItem = {
  ...item('Interface', 'Router', '/**\n * A handler made by {@link router}. More.\n */\n', 'export interface Router ', [
    item('PropertySignature', 'size', '/** How many. */', 'readonly size: number;'),
  ]),
}
const functionItem: ApiItem = {
  ...item('Function', 'router', '/** Makes one. @throws Wrong if none. */', ''),
  excerptTokens: [
    content('export declare function router(): '),
    { kind: 'Reference', text: 'Router', canonicalReference: 'heartline!Router:interface' },
    content(';'),
  ],
}
const entryPoints: EntryPoint[] = [
  { module: 'heartline/checkpoint', folder: 'checkpoint', symbols: [interfaceItem, functionItem] },
  { module: 'heartline/backend', folder: 'backend', symbols: [functionItem] },
]

test('each symbol has one page, at the first entry point that exports it, also where names differ by case alone', () => {
  assert.deepEqual(
    [...referencePages(entryPoints).keys()],
    ['README.md', 'checkpoint/Router.md', 'checkpoint/router-function.md'],
  )
})

test('a page has the docstring, the declaration, what is thrown, the members, and links', () => {
  const pages = referencePages(entryPoints)
  const ofFunction = pages.get('checkpoint/router-function.md')!
  assert.match(ofFunction, /^Function of `heartline\/checkpoint` and `heartline\/backend`/m)
  assert.ok(ofFunction.includes('Makes one.\n\n```ts\nfunction router(): Router;\n```\n\n- **Throws**: Wrong if none.'))
  assert.ok(ofFunction.includes('Names [`Router`](Router.md).'))
  const ofInterface = pages.get('checkpoint/Router.md')!
  assert.ok(ofInterface.includes('A handler made by [`router`](router-function.md). More.'))
  assert.ok(ofInterface.includes('## size\n\nHow many.\n\n```ts\nreadonly size: number;\n```'))
})

test('the list has the first sentence of each', () => {
  const list = referencePages(entryPoints).get('README.md')!
  assert.ok(
    list.includes(
      '| [`Router`](checkpoint/Router.md) | A handler made by [`router`](checkpoint/router-function.md). |',
    ),
  )
  assert.ok(list.indexOf('heartline/checkpoint') < list.indexOf('heartline/backend'))
})

test('a docstring is read in its parts, and a link to nothing known is code', () => {
  const read = readDocComment(
    '/**\n * One.\n *\n * Two {@link x | words}, {@link Y}.\n * @param a - what\n *   it is\n */',
    () => undefined,
  )
  assert.deepEqual(read, { text: 'One.\n\nTwo words, `Y`.', blocks: [{ tag: 'param', text: 'a - what\n  it is' }] })
})
