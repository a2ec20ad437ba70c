import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invariantOf, type Row, withTable } from './table.ts'

const mutation = { name: 'no wait', rule: 'who is named waits', edits: [], trial: { by: 'random worlds' } } as const
const rows: Row[] = [
  { mutation, seed: 7, caughtBy: '5: reads and writes are linearizable' },
  { mutation: { ...mutation, trial: { by: 'scenario', name: 'two at once' } }, seed: null, caughtBy: null },
]

test('the table takes its place in the document, again and again', () => {
  const begin = '<!-- mutations: written by `npm run simulate -- --mutations` -->'
  const document = `# Title\n\n${begin}\nold\n<!-- mutations: end -->\n\nmore\n`
  const once = withTable(document, rows)
  assert.match(
    once,
    /\| who is named waits \| no wait \| random worlds \| 7 \| 5: reads and writes are linearizable \|/,
  )
  assert.match(once, /\| two at once \| {2}\| \*\*nothing\*\* \|/)
  assert.ok(once.startsWith('# Title\n') && once.endsWith('\nmore\n') && !once.includes('old'))
  assert.equal(withTable(once, rows), once)
})

test('a document without a place for it is an error', () => {
  assert.throws(() => withTable('# Title', rows), /no place for the table/)
})

const violations: [string, string][] = [
  ['invariant 4: at offset 3 the states differ', '4: all backends at an offset hold equal state'],
  ['client-5 was told {"ok":true} and then {"ok":false} for one key', '2: a request is applied at most once'],
  [
    'backend-2#5 ended: the record at offset 79 does not fit: it was',
    'a backend stopped itself: the record at offset N does not fit',
  ],
  ['the world broke: Error\n at x', 'the world broke: Error'],
]
for (const [violation, said] of violations) {
  test(`"${said}" is what is said of a violation`, () => assert.equal(invariantOf(violation), said))
}
