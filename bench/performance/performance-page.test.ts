import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { benchmarks } from '../benchmarks.ts'
import { performancePage, type StoredReport, sectionsOf } from './performance-page.ts'
import { pagePath, readSources } from './stored-results.ts'

const machine = { cpu: 'CPU', cores: 2, memoryGiB: 8, kernel: 'Linux 6', node: '26.0.0', loadBefore: 0 }
const report: StoredReport = {
  bench: 'reads',
  machine,
  rounds: 3,
  rows: [{ name: 'lease', unit: 'req/s', median: 35_123, min: 1.2345, max: 120 }],
  ratios: { lease: 0.934 },
  notes: ['a <note> | of two parts'],
  command: 'npm run bench -- reads',
  madeAt: '2026-11-22T01:02:03.000Z',
  commit: 'abc1234',
}
const readme =
  '# B\n\n## How it is measured\nSo.\n\n## `reads`\nSee [a](../docs/a.md#b), [c](c.ts), [d](../README.md), [e](#f).\n'
const page = (reports: Record<string, StoredReport>) =>
  performancePage({ reports: new Map(Object.entries(reports)), readme, before: 'Old.\n' })

test('docs/performance.md is what the stored results give: else `npm run performance` writes it anew', async () => {
  assert.equal(await readFile(pagePath, 'utf8'), performancePage(await readSources()))
})

test('bench/README.md has a section on every benchmark, so that each report has words', async () => {
  const { readme } = await readSources()
  const sections = sectionsOf(readme)
  for (const name of Object.keys(benchmarks)) assert.ok((sections.get(name) ?? '').length > 100, name)
})

test('a report is a table with its command, date, commit, machine, ratios and notes', () => {
  const text = page({ reads: report })
  assert.match(text, /^### Measured$/m)
  assert.ok(
    text.includes(
      '`npm run bench -- reads`; 2026-11-22; commit abc1234; 3 rounds; 2 x CPU, 8 GiB, Linux 6, Node 26.0.0.',
    ),
  )
  assert.ok(
    text.includes('| lease | req/s | 35,123 | 1.234 | 120 |') ||
      text.includes('| lease | req/s | 35,123 | 1.235 | 120 |'),
  )
  assert.ok(text.includes('| `lease` | 0.93 |'))
  assert.ok(text.includes('- a &lt;note> \\| of two parts'))
  assert.match(text, /## Measured before\n\nOld\.\n$/)
})

test('what the README of the benchmarks says stands above, with links that are right in docs', () => {
  const text = page({ reads: report })
  assert.ok(text.includes('See [a](a.md#b), [c](../bench/c.ts), [d](../README.md), [e](#f).'))
})

test('a second report of a benchmark is the same command again, or told apart by its name; a report on nothing known is refused', () => {
  const headings = (text: string) => text.split('\n').filter((line) => line.startsWith('### '))
  const other = { ...report, command: 'npm run bench -- reads --rounds 9' }
  assert.deepEqual(headings(page({ reads: report, 'reads-again': report, 'reads-nine-rounds': other })), [
    '### Measured',
    '### Measured again',
    '### Measured: nine rounds',
  ])
  assert.throws(() => page({ x: { ...report, bench: 'x' } }), /no section on x/)
})
