import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { needsKafka } from '../needs.ts'

interface Report {
  requests: number
  ok: number
  errors: Record<string, number>
  lost: number
  doubled: number
  failovers: { backend: string; signal: string; readyMs: number; firstAnswerMs: number }[]
}

/** Runs what people run, and gives its exit code and its report. */
function demo(...flags: string[]): Promise<{ code: number; report: Report; said: string }> {
  const main = join(import.meta.dirname, '..', '..', 'compose', 'main.ts')
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'demo', '--json', ...flags], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const last = stdout.trimEnd().split('\n').at(-1) ?? ''
      resolve({ code: Number(error?.code ?? 0), report: JSON.parse(last || '{}') as Report, said: stderr })
    })
  })
}

for (const signal of ['SIGKILL', 'SIGSTOP']) {
  test(
    `the active under ${signal}: no client sees an error, nothing is lost, nothing is applied twice`,
    needsKafka,
    async () => {
      const { code, report, said } = await demo('--signal', signal, '--kills', '3', '--rate', '400')
      assert.equal(code, 0, said)
      assert.deepEqual(
        { errors: report.errors, lost: report.lost, doubled: report.doubled },
        { errors: {}, lost: 0, doubled: 0 },
      )
      assert.ok(report.requests > 400 && report.ok === report.requests)
      assert.deepEqual(
        report.failovers.map((failover) => failover.signal),
        [signal, signal, signal],
      )
      if (signal === 'SIGSTOP') assert.match(said, /fenced/, 'the zombie says so when it is back')
    },
  )
}
