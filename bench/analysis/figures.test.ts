import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { figuresOf, withFigures } from './figures.ts'
import { drawPlots } from './plots.ts'
import type { AnalysisResults } from './results.ts'

const directory = new URL('../../docs/analysis/', import.meta.url)

test('figures replace what stood between their marks, and nothing else', () => {
  const text =
    'before\n<!-- figures:a-1 -->\nold\n<!-- /figures -->\nbetween\n<!-- figures:a-2 -->\n<!-- /figures -->\nafter\n'
  const once = withFigures(text, new Map([['a-1', 'new']]))
  assert.equal(once, text.replace('old', 'new'))
  assert.equal(withFigures(once, new Map([['a-1', 'new']])), once)
  assert.throws(() => withFigures(text, new Map([['a-9', 'new']])), /no place for the figures of a-9/)
})

test('the figures in docs/analysis are those of its results.json', async () => {
  const results: AnalysisResults = JSON.parse(await readFile(new URL('results.json', directory), 'utf8'))
  const readme = await readFile(new URL('README.md', directory), 'utf8')
  assert.equal(withFigures(readme, figuresOf(results)), readme)
})

test('the plots that docs/analysis shows are drawn from its results.json', async () => {
  const results: AnalysisResults = JSON.parse(await readFile(new URL('results.json', directory), 'utf8'))
  const readme = await readFile(new URL('README.md', directory), 'utf8')
  const drawn = await drawPlots(results)
  const shown = [...readme.matchAll(/\]\(([a-z0-9-]+\.svg)\)/g)].map(([, name]) => name!)
  assert.deepEqual(shown, [...drawn.keys()])
  for (const [name, svg] of drawn) {
    assert.match(svg, /^<svg /)
    assert.doesNotMatch(svg, /NaN|undefined/)
    assert.equal(await readFile(new URL(name, directory), 'utf8'), svg, name)
  }
})
