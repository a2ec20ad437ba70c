import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { rulesOf } from './rules.ts'

const root = join(import.meta.dirname, '../../..')

test('each rule in docs/simulation.md names a test that there is', async () => {
  const rules = rulesOf(await readFile(join(root, 'docs/simulation.md'), 'utf8'))
  assert.ok(rules.length > 50, `${rules.length} rules`)
  const missing: string[] = []
  for (const { rule, file, title } of rules) {
    const source = await readFile(join(root, file), 'utf8').catch(() => '')
    const quoted = ['`', "'", '"'].some((quote) => source.includes(`${quote}${title}${quote}`))
    if (!quoted) missing.push(`${rule}: ${file} has no test "${title}"`)
  }
  assert.deepEqual(missing, [])
})

test('a line that names no test is an error', () => {
  assert.throws(
    () => rulesOf('## Each rule has a test\n\n| rule | test |\n| --- | --- |\n| a | b |\n'),
    /no rule with a test/,
  )
})
