import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'

interface Report {
  readonly requests: number
  readonly errors: Record<string, number>
  readonly lost: number
  readonly doubled: number
  readonly failovers: { backend: string; signal: string; firstAnswerMs: number | null }[]
}

/** The demo that goes on until somebody ends it, on an embedded journal. */
async function openDemo(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-demo-'))
  const main = join(import.meta.dirname, '..', '..', 'compose', 'main.ts')
  const flags = ['--kills', '0', '--json', '--rate', '100', '--clients', '10', '--kafka', `file:${directory}`]
  const child = spawn(process.execPath, [main, 'demo', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit').then(([code]) => code as number)
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
    await rm(directory, { recursive: true, force: true })
  })
  const result = text(child.stdout)
  const said: string[] = []
  const waiting: { pattern: RegExp; resolve: (line: string) => void }[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line)
    for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve(line)
  })
  const says = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const before = said.find((line) => pattern.test(line))
      if (before !== undefined) return resolve(before)
      waiting.push({ pattern, resolve })
      void exited.then(() => reject(new Error(`it ended without ${pattern}:\n${said.join('\n')}`)))
    })
  return { says, end: () => child.kill('SIGINT'), exited, result }
}

test('demo --kills 0 goes on until Ctrl-C; who is killed by the button comes back, and the report is exact', async (t) => {
  const { says, end, exited, result } = await openDemo(t)
  const dashboard = (await says(/^the dashboard: /)).replace('the dashboard: ', '')
  await says(/^kill what you like/)
  const post = (name: string) =>
    fetch(`${dashboard}api/kill`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    })
  assert.equal((await post('kafka')).status, 404)
  assert.equal((await post('backend-1')).status, 200)
  await says(/^kill -9 backend-1 \(active, epoch \d+\), by hand/)
  await says(/^backend-\d took over: .*first answer [\d.]+ ms/)
  await says(/^backend-1 is back/)
  end()
  assert.equal(await exited, 0)
  const report = JSON.parse(await result) as Report
  const { errors, lost, doubled, failovers, requests } = report
  assert.ok(requests > 0)
  assert.deepEqual({ errors, lost, doubled }, { errors: {}, lost: 0, doubled: 0 })
  assert.deepEqual(
    failovers.map(({ backend, signal, firstAnswerMs }) => [backend, signal, firstAnswerMs !== null]),
    [['backend-1', 'SIGKILL', true]],
  )
})
