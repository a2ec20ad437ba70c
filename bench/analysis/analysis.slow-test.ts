/** The analysis still runs: real backends and balancers, few requests, nothing kept. No time is asserted. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { AnalysisResults } from './results.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

async function analysis(args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 100_000 })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [code, errors] = await Promise.all([exited, text(child.stderr)])
  return { code, errors }
}

test('a small run finds what the strategies promise', async (t) => {
  const output = await mkdtemp(join(tmpdir(), 'heartline-analysis-'))
  t.after(() => rm(output, { recursive: true, force: true }))
  const size = ['--requests', '300', '--rate', '600', '--clients', '100', '--backends-max', '2', '--rounds', '1']
  const { code, errors } = await analysis([...size, '--strategies', 'round-robin,consistent-hash', '--output', output])
  assert.equal(code, 0, errors)
  const results: AnalysisResults = JSON.parse(await readFile(join(output, 'results.json'), 'utf8'))

  const [turns, hashed] = results.shares!
  assert.deepEqual(turns!.counts, { b1: 100, b2: 100, b3: 100 })
  assert.equal(
    Object.values(hashed!.counts).reduce((sum, count) => sum + count),
    300,
  )
  assert.deepEqual(
    results
      .spreads!.filter(({ strategy }) => strategy === 'round-robin')
      .map(({ mean, standardDeviation }) => [mean, standardDeviation]),
    [[150, 0]],
  )
  for (const crash of results.crashes!) {
    assert.deepEqual([crash.requests, crash.errors], [300, {}])
    assert.equal(crash.sharesAfter[crash.killed], 0)
  }
  for (const { backends, moved, needless } of results.moves!) {
    assert.equal(needless, 0)
    assert.ok(moved > 0 && moved < 1.3 / backends, `${moved} of the keys moved from ${backends}`)
  }
  assert.equal(results.responses!.length, 4)
  assert.equal(results.bounds!.length, 3)
  assert.equal((await readdir(output)).filter((name) => name.endsWith('.svg')).length, 7)
})

test('wrong usage is one line that says what would be right, and exit code 2', async () => {
  assert.deepEqual(await analysis(['--parts', 'a-7']), {
    code: 2,
    errors: 'analysis: --parts: expected some of a-1, a-2, a-3, a-4, a-5, comma separated, got "a-7"\n',
  })
})
