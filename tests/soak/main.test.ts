import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

function soak(...args: string[]): Promise<{ code: number | string | undefined; stdout: string; stderr: string }> {
  return new Promise((resolve) =>
    execFile(process.execPath, [main, ...args], { timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? 'killed') : 0, stdout, stderr }),
    ),
  )
}

test('a wrong option is one line that says what would be right, and exit code 2', async () => {
  assert.deepEqual(await soak('--minute', '1'), {
    code: 2,
    stdout: '',
    stderr: 'soak: unknown flag --minute; did you mean --minutes?\n',
  })
})

test('--help lists the options with their defaults', async () => {
  const { code, stdout } = await soak('--help')
  assert.equal(code, 0)
  for (const line of [/--minutes N .*default 10\b/, /--rate .*default 2000\b/, /--kill-every .*default 20s\b/])
    assert.match(stdout, line)
})
