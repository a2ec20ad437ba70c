import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { limitsTable } from './limits-table.ts'

test('docs/hardening.md shows the limits as the options have them', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/hardening.md'), 'utf8')
  assert.ok(text.includes(limitsTable()), `the table is to read\n${limitsTable()}`)
})
