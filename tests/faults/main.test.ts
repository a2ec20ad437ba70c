import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { rows } from './rows/table.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

function faults(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) =>
    execFile(process.execPath, [main, ...args], { timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? 'killed') : 0, stdout, stderr }),
    ),
  )
}

test('a wrong option is one line that says what would be right, and exit code 2', async () => {
  assert.deepEqual(await faults('--repeats', '3'), {
    code: 2,
    stdout: '',
    stderr: 'faults: unknown flag --repeats; did you mean --repeat?\n',
  })
  const { code, stderr } = await faults('--only', 'no-such-row')
  assert.equal(code, 2)
  assert.match(stderr, /^faults: --only: expected \(parts of\) names of rows, .*active-killed/)
})

test('--help lists the options and every row', async () => {
  const { code, stdout } = await faults('--help')
  assert.equal(code, 0)
  for (const { name } of rows) assert.ok(stdout.includes(`\n  ${name} `), name)
  assert.match(stdout, /--repeat N .*default 1\b/)
})

test('rows have names of their own', () => {
  assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length)
})
