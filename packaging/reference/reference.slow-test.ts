/** docs/reference is what the docstrings say now. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { extractEntryPoints } from './extract.ts'
import { referencePages } from './reference-pages.ts'

const folder = join(import.meta.dirname, '../../docs/reference')

test('docs/reference is up to date: else `npm run reference` writes it anew', async () => {
  const pages = referencePages(await extractEntryPoints())
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const found = entries.map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
  assert.deepEqual(found.sort(), [...pages.keys()].sort())
  for (const [path, text] of pages) assert.equal(readFileSync(join(folder, path), 'utf8'), text, path)
})
